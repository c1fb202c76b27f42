import { setMaxListeners } from "node:events";

/**
 * Ends the questions to Temporal that wait for a workflow. The client adds a listener for every call and removes none: a
 * workflow of some minutes is asked for a dozen times, and Node would warn of a leak. They go with the signal.
 */
export function leavingController(): AbortController {
  const leaving = new AbortController();
  setMaxListeners(Infinity, leaving.signal);
  return leaving;
}
