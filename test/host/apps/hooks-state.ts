/** What ran, in order. */
export const order: string[] = [];
