/**
 * The part of the module `@azure/functions-core` that the Functions library for Node.js 4.16 uses. In Azure the language worker provides
 * that module; here the host does. Names are the worker's own.
 */

export type RpcLogLevel = "trace" | "debug" | "information" | "warning" | "error" | "critical" | "none";
export type RpcLogCategory = "user" | "system" | "customMetric";

export interface BindingInfo {
  readonly type: string;
  readonly direction: "in" | "out" | "inout";
  readonly [option: string]: unknown;
}

/** What the library registers: bindings by name, one of them a trigger; an HTTP function's answer is the binding `$return`. */
export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, BindingInfo>>;
  readonly retryOptions?: unknown;
}

export type FunctionCallback = (...inputsThenContext: unknown[]) => unknown;
export type HookCallback = (context: object) => unknown;

/** One value on its way to a function; exactly one member is there. */
export interface RpcTypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
  double?: number;
  http?: RpcHttpRequest;
}

export interface RpcHttpRequest {
  method: string;
  url: string;
  nullableHeaders: Record<string, { value: string }>;
  nullableQuery?: Record<string, { value: string }>;
  nullableParams: Record<string, { value: string }>;
  body?: RpcTypedData;
}

/** What a function answered in buffered mode. */
export interface RpcHttpResponse {
  statusCode: string;
  headers: Record<string, string>;
  cookies: RpcHttpCookie[];
  body?: RpcTypedData;
}

export interface RpcHttpCookie {
  name: string;
  value: string;
  domain?: { value: string };
  path?: { value: string };
  expires?: { value: { seconds: number } };
  secure?: { value: boolean };
  httpOnly?: { value: boolean };
  sameSite?: "none" | "lax" | "strict" | "explicitNone";
  maxAge?: { value: number };
}

export interface RpcInvocationRequest {
  readonly invocationId: string;
  readonly inputData: readonly { readonly name: string; readonly data: RpcTypedData }[];
  readonly triggerMetadata: Readonly<Record<string, RpcTypedData>>;
  readonly traceContext?: { readonly traceParent: string; readonly traceState: string };
}

export interface RpcInvocationResponse {
  readonly returnValue?: { readonly http?: RpcHttpResponse } | null;
}

export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly request: RpcInvocationRequest;
  readonly metadata: FunctionMetadata;
  /** The library warns about a log call after the end of the function, except in this state. */
  state: "preInvocationHooks" | "invocation" | "postInvocationHooks" | undefined;
  log(level: RpcLogLevel, category: RpcLogCategory, message: string): void;
}

/** The library's conversions for one invocation. */
interface InvocationModel {
  getArguments(): Promise<{ context: object; inputs: unknown[] }>;
  invokeFunction(context: object, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: object, result: unknown): Promise<RpcInvocationResponse>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
  /** Ends the time in which `app.setup` may be called; with HTTP streaming it starts the library's proxy and names it in `HttpUri`. */
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}
