/** MLflow's store, and so ours, turns ±Infinity into the largest doubles, so that they sort and travel as numbers. */
export function storableNumber(value: number): number {
  if (value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  return value === Number.NEGATIVE_INFINITY ? -Number.MAX_VALUE : value;
}
