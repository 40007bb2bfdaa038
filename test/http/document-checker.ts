import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Answer } from "./support.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, Operation>>;
}

/** Judges answers by an OpenAPI document. */
export class DocumentChecker {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly operations = new Map<string, { pointer: string; operation: Operation }>();

  constructor(document: OpenApiDocument) {
    addFormats.default(this.ajv);
    this.ajv.addSchema(document, "document");
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const pointer = `document#/paths/${escaped(path)}/${method}`;
        this.operations.set(operation.operationId, { pointer, operation });
      }
    }
  }

  operationIds(): string[] {
    return [...this.operations.keys()];
  }

  /** What the document does not promise of this answer; undefined when it is as documented. */
  faultOf(operationId: string, { status, headers, json, text }: Answer): string | undefined {
    const { operation, pointer } = this.operations.get(operationId)!;
    const response = operation.responses[status];
    if (!response) return `${status} is not documented: ${text}`;
    const mediaType = headers["content-type"]?.split(";")[0] ?? "";
    if (!response.content) return text === "" ? undefined : `${status} has no body, but this came: ${text}`;
    if (!(mediaType in response.content)) return `${status} does not come as '${mediaType}'`;
    const schema = `${pointer}/responses/${status}/content/${escaped(mediaType)}/schema`;
    const validate = this.ajv.compile({ $ref: schema });
    return validate(json) ? undefined : `${status} ${this.ajv.errorsText(validate.errors)}: ${text.slice(0, 300)}`;
  }
}

/** A part of a JSON pointer in a URI. */
const escaped = (part: string): string => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
