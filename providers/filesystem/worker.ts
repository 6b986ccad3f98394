/**
 * The Worker of the filesystem provider.
 *
 * @module
 */
import { serveProvider } from "../../src/worker/mod.ts";
import { execute } from "./execute.ts";

serveProvider("filesystem", execute);
