/**
 * The shell that starts what the process provider runs.
 *
 * @module
 */

/** Its absolute path: POSIX systems have one there. */
export const SHELL = "/bin/sh";
