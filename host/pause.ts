/** One sleeper that can be woken before its time. */
interface Pause {
  sleep(milliseconds: number): Promise<void>;
  /** Ends the sleep under way; without one it does nothing. */
  wake(): void;
}

export function createPause(): Pause {
  let wakeUp = () => {};
  return {
    sleep: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    wake: () => wakeUp(),
  };
}
