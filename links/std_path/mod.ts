/** Stand-in for `jsr:@std/path` where JSR cannot be reached: the POSIX subset that this package uses. */
export {
  basename,
  dirname,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  toFileUrl,
} from "./posix.ts";
