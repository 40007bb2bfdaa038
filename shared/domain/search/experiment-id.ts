/**
 * An experiment id as search keeps it in `attribute.experiment_id`: padded with zeros, so that text order is numeric order. Ids have up
 * to 18 digits and more than a Float64 can hold.
 */
export const searchableExperimentId = (experimentId: string): string => experimentId.padStart(20, "0");
