import { assertEquals, assertThrows } from "@std/assert";
import { httpParams } from "../../src/actions/http.ts";
import { CanonicalError } from "../../src/core/resource/world.ts";

Deno.test("httpParams() writes methods in upper and header names in lower case", () => {
  assertEquals(httpParams({ method: "delete", headers: { "X-Token": " a ", accept: "b\tc" } }), {
    method: "DELETE",
    headers: { "x-token": "a", accept: "b\tc" },
  });
  assertEquals(httpParams({ method: "GET", body: "x" }), { method: "GET", body: "x" });
});

for (
  const [params, why] of [
    [{ method: "GET /x HTTP/1.1\r\nHost: a" }, "a method that is a request line"],
    [{ method: "" }, "an empty method"],
    [{ method: "GET ", why: 0 }, "a method with a blank"],
    [{ method: "GET", headers: [["a", "b"]] }, "headers in a list"],
    [{ method: "GET", headers: { a: "b\r\nHost: evil" } }, "a line break in a header"],
    [{ method: "GET", headers: { a: "b\nc" } }, "a line feed in a header"],
    [{ method: "GET", headers: { a: "b\0" } }, "NUL in a header"],
    [{ method: "GET", headers: { "a b": "c" } }, "a blank in a name"],
    [{ method: "GET", headers: { "a:": "c" } }, "a colon in a name"],
    [{ method: "GET", headers: { "": "c" } }, "an empty name"],
    [{ method: "GET", headers: { a: 1 } }, "a number"],
    [{ method: "GET", headers: { A: "1", a: "2" } }, "a name twice"],
  ] as const
) {
  Deno.test(`httpParams() refuses ${why}`, () => {
    assertThrows(() => httpParams(params), CanonicalError);
  });
}
