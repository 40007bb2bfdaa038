import type { ProvidedServices } from "../../../shared/services.ts";

export const state: { services?: ProvidedServices; handled: unknown[] } = { handled: [] };
