/** The browser that `npm test` has found or installed; undefined where there is none, or when vitest is run by itself. */
export const CHROMIUM = process.env.CAIRN_TEST_CHROMIUM;
