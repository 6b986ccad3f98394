/**
 * Helps for tests of agents, policies and providers: a scripted model, and the conformance tests of
 * providers.
 *
 * @module
 */
export {
  type ProviderTestOptions,
  type SkippedTest,
  testProvider,
} from "./provider_conformance.ts";
export type {
  ChatRequest,
  ScriptedCall,
  ScriptedRequest,
  ScriptedTurn,
  ScriptStep,
} from "./script.ts";
export { scriptFrom } from "./script.ts";
export { ScriptedModel, type ScriptedModelOptions } from "./scripted_model.ts";
