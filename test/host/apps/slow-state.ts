export const slow = { running: 0, finish: Promise.withResolvers<void>() };
