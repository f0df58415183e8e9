import type { StatusMemory } from './releases.ts';

/** The highest status of each release, for as long as the page is open: all views look at releases with it. */
export const seenStatuses: StatusMemory = new Map();
