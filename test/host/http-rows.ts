/** One request, and what must come back. */
export interface Row {
  readonly title: string;
  readonly path: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly text?: string;
  readonly json?: unknown;
  readonly answered?: Record<string, string | string[]>;
}

/** What every way through the host answers alike. */
export const ROWS: readonly Row[] = [
  { title: "answers a GET", path: "/hello", status: 200, text: "Hello, world!" },
  {
    title: "gives text bodies their type",
    path: "/hello",
    status: 200,
    answered: { "content-type": "text/plain;charset=UTF-8" },
  },
  { title: "reads a body", path: "/hello", method: "POST", body: "testName", status: 200, text: "Hello, testName!" },
  { title: "reads the query", path: "/hello?name=testName", status: 200, text: "Hello, testName!" },
  { title: "decodes the query", path: "/hello?name=a%20b%26c", status: 200, text: "Hello, a b&c!" },
  { title: "404 with nothing in it where no route fits", path: "/doesntExist", status: 404, text: "" },
  { title: "404 with nothing in it for another method", path: "/hello", method: "DELETE", status: 404, text: "" },
  { title: "routes by the function's name without a route", path: "/httpDefaultRoute", status: 200, text: "by name" },
  { title: "ignores case in routes", path: "/HeLLo", status: 200, text: "Hello, world!" },
  { title: "ignores a slash at the end", path: "/hello/", status: 200, text: "Hello, world!" },
  { title: "meets a constraint", path: "/items/12", status: 200, json: { tag: "number", id: "12" } },
  {
    title: "goes on where a constraint is not met",
    path: "/items/12x",
    status: 200,
    json: { tag: "text", name: "12x" },
  },
  {
    title: "holds an int to 32 bits",
    path: "/items/4294967296",
    status: 200,
    json: { tag: "text", name: "4294967296" },
  },
  {
    title: "goes on to the function of the method",
    path: "/items/a",
    method: "DELETE",
    status: 200,
    json: { tag: "deleted", name: "a" },
  },
  { title: "gives an optional value", path: "/optional/7", status: 200, json: { tag: "optional", id: "7" } },
  { title: "leaves an optional value out", path: "/optional", status: 200, json: { tag: "optional" } },
  { title: "matches inside a segment", path: "/mixed/axy.json", status: 200, json: { tag: "mixed", b: "xy" } },
  { title: "does not match half a segment", path: "/mixed/axy.jso", status: 404, text: "" },
  {
    title: "gives the rest of the path",
    path: "/files/a/b/c.txt",
    status: 200,
    json: { tag: "rest", path: "a/b/c.txt" },
  },
  {
    title: "decodes route values, but no slash",
    path: "/files/a%20b%2Fc",
    status: 200,
    json: { tag: "rest", path: "a b%2Fc" },
  },
  { title: "gives an empty rest of the path", path: "/files", status: 200, json: { tag: "rest" } },
  {
    title: "resolves dot segments before it routes",
    path: "/files/../items/x",
    status: 200,
    json: { tag: "text", name: "x" },
  },
  {
    title: "resolves escaped dot segments",
    path: "/files/%2e%2e/items/x",
    status: 200,
    json: { tag: "text", name: "x" },
  },
  {
    title: "tries functions by name, not by precedence",
    path: "/ordered/literal",
    status: 200,
    json: { tag: "first", anything: "literal" },
  },
  {
    title: "HEAD answers without the body where the function has HEAD",
    path: "/with-head",
    method: "HEAD",
    status: 200,
    text: "",
    answered: { "x-method": "HEAD" },
  },
  { title: "HEAD is 404 where the function has only GET", path: "/hello", method: "HEAD", status: 404, text: "" },
  {
    title: "takes and gives JSON",
    path: "/json",
    method: "POST",
    body: '{"a":[1,null]}',
    status: 201,
    json: { got: { a: [1, null] } },
    answered: { "content-type": "application/json" },
  },
  {
    title: "sets cookies",
    path: "/cookies",
    status: 200,
    text: "",
    answered: { "set-cookie": ["first=a%20b; Max-Age=200", "second=x; Path=/; HttpOnly; Secure; SameSite=Strict"] },
  },
  {
    title: "gives status and headers",
    path: "/answers/created",
    status: 201,
    text: "made",
    answered: { location: "/there", "x-mixed-case": "kept" },
  },
  { title: "an empty object is 200", path: "/answers/empty", status: 200, text: "" },
  { title: "no result is 204", path: "/answers/nothing", status: 204, text: "" },
  { title: "204 keeps its headers", path: "/answers/no-content", status: 204, text: "", answered: { "x-kept": "yes" } },
  { title: "304 keeps its headers", path: "/answers/not-modified", status: 304, text: "", answered: { etag: '"1"' } },
  {
    title: "takes the library's own response",
    path: "/answers/response",
    status: 202,
    text: "from the class",
    answered: { "x-a": "1" },
  },
  { title: "gives text as UTF-8", path: "/answers/unicode", status: 200, text: "grüße ✓" },
  {
    title: "takes what fetch takes as a body",
    path: "/answers/form",
    status: 200,
    text: "a=1",
    answered: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" },
  },
  { title: "a function that throws is 500 with nothing in it", path: "/answers/throws", status: 500, text: "" },
  { title: "a function that rejects is 500 with nothing in it", path: "/answers/rejects", status: 500, text: "" },
];
