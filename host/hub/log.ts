import type { HubEvent, HubEventSink } from './events.ts';

export const hubLogLevels = ['error', 'warn', 'info'] as const;
export type HubLogLevel = (typeof hubLogLevels)[number];

const levels: Readonly<Record<HubEvent['event'], HubLogLevel>> = {
  listening: 'info',
  upload_opened: 'info',
  upload_dropped: 'info',
  published: 'info',
  visibility_set: 'info',
  status_set: 'info',
  blob_damaged: 'error',
  blob_healed: 'info',
  swept: 'info',
  reloaded: 'info',
  reload_failed: 'error',
  maintenance_failed: 'error',
  request_failed: 'warn',
  stopped: 'info',
};

/** One line of JSON for each event: time, level, name, and digests, numbers or words from closed lists. */
export function createHubLog(options: {
  readonly level: HubLogLevel;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}): HubEventSink {
  const most = hubLogLevels.indexOf(options.level);
  return (entry) => {
    const level = levels[entry.event];
    if (hubLogLevels.indexOf(level) > most) return;
    const { event, ...fields } = entry;
    options.write(`${JSON.stringify({ time: options.now().toISOString(), level, event, ...fields })}\n`);
  };
}
