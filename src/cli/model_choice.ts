/**
 * The model that a command line names, and the permissions of the process that asks it.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { parseExactJson } from "../agent/exact_json.ts";
import { resolve } from "@std/path";
import { type ModelHost, resolveModel } from "../agent/models.ts";
import { type ScriptedTurn, scriptFrom } from "../testing/script.ts";
import { type CommandOption, optional, required, UsageError, type Values } from "./command.ts";

/** Options of every command that asks a model. */
export const MODEL_OPTIONS: Readonly<Record<string, CommandOption>> = {
  model: {
    type: "string",
    value: "NAME",
    help: "the model, like anthropic/claude-sonnet-4-5; scripted:FILE plays a script",
  },
  "base-url": { type: "string", value: "URL", help: "where the model is asked instead" },
};

/** A model, and what asking it takes. */
export interface ModelChoice {
  /** As it was given. */
  readonly name: string;
  readonly baseURL?: string;
  /** The file of a scripted model. */
  readonly script?: string;
  /** `host:port`, or `host`: what `--allow-net` has to say. */
  readonly net: string;
  /** The variable with the key: what `--allow-env` has to say. */
  readonly env?: string;
}

const SCRIPTED = "scripted:";

/** Reads the options. Looks at no variable and asks nobody. @throws {UsageError} */
export function modelChoice(values: Values): ModelChoice {
  const name = required(values, "model");
  const baseURL = optional(values, "base-url");
  if (name.startsWith(SCRIPTED)) {
    if (baseURL !== undefined) throw new UsageError("a scripted model has no --base-url");
    // Its server takes a free port, which is not known before.
    return { name, script: resolve(name.slice(SCRIPTED.length)), net: "127.0.0.1" };
  }
  const { key } = hostOf(name);
  return {
    name,
    ...(baseURL === undefined ? {} : { baseURL }),
    net: hostAndPort(baseURL ?? fixedAddress(name)),
    ...(key === undefined ? {} : { env: key }),
  };
}

function hostOf(name: string): ModelHost {
  try {
    return resolveModel(name).host;
  } catch (error) {
    throw new UsageError((error as RangeError).message);
  }
}

function fixedAddress(name: string): string {
  const { baseURL } = hostOf(name);
  if (baseURL !== undefined) return baseURL;
  throw new UsageError(`--model ${name} needs --base-url: its host has no fixed address`);
}

function hostAndPort(address: string): string {
  const url = URL.parse(address);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.username !== "") {
    throw new UsageError(`--base-url ${address} is no address like https://host/v1`);
  }
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
}

/** Reads the script of a scripted model. @throws {TypeError} It is none; the message says where. */
export function readScript(file: string): ScriptedTurn[] {
  try {
    return scriptFrom(parseExactJson(Deno.readTextFileSync(file)));
  } catch (error) {
    throw new TypeError(`Cannot play "${file}": ${messageOf(error)}`, { cause: error });
  }
}
