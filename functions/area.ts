import type { FunctionHandler, InvocationContext } from "@azure/functions";

/**
 * Gives the handlers of an area by their names. Its module is loaded when the first of them is called, since a start, for which callers wait,
 * needs to know their names only. What fails while loading fails that call, as if the handler had thrown it.
 */
export function area<M extends Record<string, FunctionHandler>>(load: () => Promise<M>) {
  let loaded: M | undefined;
  const loadAndCall = async (name: keyof M, input: unknown, context: InvocationContext) => {
    loaded = await load();
    return loaded[name]!(input, context);
  };
  return <N extends keyof M>(name: N): M[N] => {
    const handler: FunctionHandler = (input, context) =>
      loaded ? loaded[name]!(input, context) : loadAndCall(name, input, context);
    return handler as M[N];
  };
}
