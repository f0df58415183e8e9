import { connectHub } from '../../../client/index.ts';

/** Pulls in a process of its own, which a test kills. */
const [url = '', reference = '', directory = ''] = process.argv.slice(2);
const hub = connectHub({
  url,
  token: 'none',
  publishers: 'any',
  memory: 'none',
  onProgress: (progress) => process.stdout.write(`${JSON.stringify(progress)}\n`),
});
await hub.pull(reference, { directory, yanked: 'refuse' });
