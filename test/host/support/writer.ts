import { openJournal } from '../../../host/journal/index.ts';
import { createFakeLog } from '../../support/fake-log.ts';

/**
 * A process that is killed while it writes. It prints what it is about to write, and each size once it is reported as
 * written, so that the parent can hold the reopened journal against both. With `ahead` it does not wait for the disk, as a
 * host that answers does not.
 */
const [directory = '', bytesText = '', mode = 'durable'] = process.argv.slice(2);
const journal = openJournal(directory, { maxBytes: Number(bytesText) });
const fake = createFakeLog();
await journal.openLog(fake.ready);
console.log(JSON.stringify({ log: Buffer.from(fake.log).toString('hex') }));
for (;;) {
  const { entries } = fake.grow(Array.from({ length: 1 + (fake.size % 7) }, () => ({})));
  const receipts = entries.receipts.map((receipt) => Buffer.from(receipt).toString('hex'));
  const { written, durable } = journal.append(fake.log, entries);
  try {
    await written;
    if (mode === 'ahead') {
      console.log(JSON.stringify({ size: fake.size, receipts }));
      // Far more than one commit takes: what is printed is mostly not synced.
      if (fake.size % 16 === 0) await durable;
      continue;
    }
    // Somebody waits: nothing is gathered.
    await journal.caughtUp();
    console.log(JSON.stringify({ size: fake.size, durable: await durable, receipts }));
  } catch (error) {
    console.log(JSON.stringify({ failed: (error as { code?: string }).code }));
    // The space comes back while this process lives: the same entries must then be accepted.
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const again = await journal.append(fake.log, entries).durable.catch(() => undefined);
      if (again !== undefined) break;
    }
    console.log(JSON.stringify({ recovered: fake.size, receipts }));
  }
}
