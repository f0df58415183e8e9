export type { HubEvent } from './events.ts';
export { type Hub, type HubOptions, startHub } from './hub.ts';
