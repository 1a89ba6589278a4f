// Imported before anything else, so that this is the first thing that the worker's script does.
export const scriptAt = performance.now();
