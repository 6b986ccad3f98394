/**
 * The Worker of the HTTP provider.
 *
 * @module
 */
import { serveProvider } from "../../src/provider/mod.ts";
import { exchange } from "./exchange.ts";

serveProvider("http", exchange);
