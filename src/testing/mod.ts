/**
 * What users need to test their own policies and providers.
 *
 * @module
 */
export {
  type ProviderTestOptions,
  type SkippedTest,
  testProvider,
} from "./provider_conformance.ts";
