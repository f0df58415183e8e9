import { mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../../../../host/journal/index.ts';
import { encodeEntries, encodeReadyInfo } from '../../../../wire/message/link.ts';
import { createFakeLog, random } from '../../../support/fake-log.ts';

/**
 * Writes a journal while its calls are recorded. What was offered and what was acknowledged goes to a file beside it,
 * so that both stand in the recording in the order in which they happened.
 */
const [folder = '', batchesText = ''] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const notes = openSync(join(folder, 'notes'), 'a');
const note = (line: Readonly<Record<string, unknown>>): void => void writeSync(notes, `${JSON.stringify(line)}\n`);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const journal = openJournal(join(folder, 'journal'), { maxBytes: 2 ** 28 });
const fake = createFakeLog();
note({ ready: base64(encodeReadyInfo(fake.ready)) });
await journal.openLog(fake.ready);
note({ opened: true });

const channels = Array.from({ length: 3 }, () => random(32));
let running: Promise<unknown>[] = [];
for (let batch = 0; batch < Number(batchesText); batch++) {
  const count = 1 + ((batch * 7) % 5);
  const receipts = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? {} : { channel: channels[i % 3] as never }));
  const { entries } = fake.grow(receipts);
  note({ offered: base64(encodeEntries(entries)) });
  const { durable } = journal.append(fake.log, entries);
  running.push(durable.then((size) => note({ durable: size })));
  // Alone, or a few together: what waits is committed in one transaction.
  if (running.length > batch % 3) {
    await Promise.all(running);
    running = [];
  }
}
await Promise.all(running);
await journal.close();
