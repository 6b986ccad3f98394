/**
 * The Worker of the HTTP provider.
 *
 * @module
 */
import { serveProvider } from "../../src/worker/mod.ts";
import { exchange } from "./exchange.ts";

serveProvider("http", exchange);
