import { CREDENTIAL } from "./credential-form.ts";

const HIDDEN = "[hidden]";

/** What is a secret by its form. Each pattern looks at a character a bounded number of times, whatever the text. */
const FORMS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [new RegExp(`${CREDENTIAL}[0-9a-f]+`, "g"), HIDDEN],
  [/\b(Bearer|Basic|SharedKey|SharedAccessSignature) +[\w.~+/:=&%-]{16,}/gi, `$1 ${HIDDEN}`],
  [/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86,}==/g, HIDDEN],
  [/\b(sk|ghp|gho|ghs|github_pat|glpat|hf|xox[abprs])([-_])[A-Za-z0-9_-]{16,}/g, `$1$2${HIDDEN}`],
  [/(:\/\/)[^\s/@:]+:[^\s/@]+@/g, `$1${HIDDEN}@`],
];

/** What is a secret by the name that it stands behind. */
const NAMED =
  /\b(AccountKey|SharedAccessKey|SharedAccessSignature|password|passwd|pwd|(?:client_?|shared_?)?secret|(?:access_?|refresh_?|id_?)?token|api[-_]?key|sig|signature)(\\?["']?\s*[=:]\s*\\?["']?)([^\s;&,"'\\}\])]+)/gi;
const PASSWORD = /^(?:password|passwd|pwd)$/i;
const PROSE = /^:\s+$/;
/** An ordinary word, maybe at the end of a sentence. */
const WORD = /^\p{L}{1,20}[.!?:]*$/u;

/**
 * The text without credentials, for what is logged or comes back in a refusal: people paste keys where names belong, and the errors of stores and
 * libraries quote what they were given. What is said about a token ("token: it was …") is none.
 */
export function redact(text: string): string {
  const withoutTokens = text.replace(TOKEN_RUN, hideWebToken);
  const withoutForms = FORMS.reduce((current, [pattern, hidden]) => current.replace(pattern, hidden), withoutTokens);
  return withoutForms.replace(NAMED, hideNamed);
}

function hideNamed(whole: string, name: string, separator: string, value: string): string {
  const isSaid = PROSE.test(separator) && WORD.test(value) && !PASSWORD.test(name);
  return isSaid || value.startsWith(HIDDEN.slice(0, -1)) ? whole : name + separator + HIDDEN;
}

/** A maximal run of the characters of JSON Web Tokens; one that is shorter than any token is passed over. */
const TOKEN_RUN = /[\w.-]{20,}/g;
const TOKEN_BEGINNING = "eyJ";
const MIN_HEADER = TOKEN_BEGINNING.length + 8;

/** The run up to a token's header, which ends with a dot that something follows. A pattern for it would look at `eyJeyJeyJ…` again from each `eyJ`. */
function hideWebToken(run: string): string {
  let start = 0;
  let header = -1;
  for (let dot = run.indexOf("."); dot >= 0 && dot + 1 < run.length; dot = run.indexOf(".", start)) {
    if (header < start) header = run.indexOf(TOKEN_BEGINNING, start);
    if (header < 0) return run;
    if (dot - header >= MIN_HEADER && run[dot + 1] !== ".") return run.slice(0, header) + HIDDEN;
    start = dot + 1;
  }
  return run;
}
