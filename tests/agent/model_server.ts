/** A scripted model in a process of its own, which accepts one key; prints its address. */
import { ScriptedModel } from "@agent-kernel/kernel/testing";

const model = ScriptedModel.start([{ text: "Hello!" }], {
  whenOver: "repeat",
  apiKey: "sk-very-secret-0123456789",
});
console.log(model.baseURL);
