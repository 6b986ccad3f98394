export { ToolDef, type ToolDefOptions, type Translation } from "./tool_def.ts";
export { fsTools, httpTools, procTools } from "./toolsets.ts";
