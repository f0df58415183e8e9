import { readFile } from 'node:fs/promises';
import { openAssets } from '../../host/console/assets.ts';
import { openInBrowser } from '../console/browser.ts';
import { type ConsoleServer, startConsoleServer } from '../console/server.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { heading, jsonLine, printable, rowLines } from '../report.ts';
import { parseArguments, portOption, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { readPolicy } from './policy-file.ts';

export const consoleUsage = `proofmark console --connect URL [--policy FILE] [--hub URL] [--chain RPC] [--port PORT] [--open] [--json]
  Serves the console of this package on loopback, for this machine only, and shows the host at URL in a browser: what
  runs there, judged by code that the host did not send. Without --policy the page asks for one, and accepts nothing
  until it has one. --hub names a hub, whose models the page searches and shows; --chain a chain's node, for questions
  that only read. Prints where it is and the digest of all its files; --json prints that as one line. Ends with Ctrl-C.`;

const options = {
  connect: { type: 'string' },
  policy: { type: 'string' },
  chain: { type: 'string' },
  hub: { type: 'string' },
  port: { type: 'string' },
  open: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export async function console(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  if (parsed.positionals.length > 0) throw new UsageError('console takes no names: proofmark console --connect URL');
  const connect = textOption(parsed, 'connect');
  if (connect === undefined) throw new UsageError('--connect URL is required: the host to look at');
  const host = serverUrl('--connect', connect);
  const chainText = textOption(parsed, 'chain');
  const chain = chainText === undefined ? undefined : serverUrl('--chain', chainText);
  const hubText = textOption(parsed, 'hub');
  const policyFile = textOption(parsed, 'policy');
  const server = await startConsoleServer({
    assets: await openAssets(),
    host,
    chain,
    hub: hubText === undefined ? undefined : serverUrl('--hub', hubText),
    policy: policyFile === undefined ? undefined : await policyBytes(policyFile),
    port: portOption(parsed, 0),
  });
  try {
    const stopped = untilStopped();
    const connected = withoutSecrets(host);
    if (parsed.values['json'] === true) {
      const { url, digest } = server;
      context.write(jsonLine(JSON.stringify({ ready: true, url, digest, connected })));
    } else {
      context.write(about(context, server, { connected, policyFile }));
    }
    if (parsed.values['open'] === true) openInBrowser(server.url, context.warn);
    await stopped;
  } finally {
    await server.close();
  }
  return exitCode.accepted;
}

interface Shown {
  readonly connected: string;
  readonly policyFile: string | undefined;
}

function about({ style }: CommandContext, { url, digest }: ConsoleServer, { connected, policyFile }: Shown): string {
  return (
    heading('Console', style) +
    rowLines([
      ['open', url],
      ['connected to', connected],
      ['policy', policyFile ?? 'none: the page asks for one'],
      ['files', `sha256:${digest}`],
    ]) +
    '  stop with Ctrl-C\n'
  );
}

/** As it is, so that the page reads what the user wrote; read once here, so that no page starts with none. */
async function policyBytes(path: string): Promise<Uint8Array> {
  await readPolicy(path);
  return Uint8Array.from(await readFile(path));
}

function serverUrl(option: string, text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Refused below, with every other address that is none of a server.
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hash !== '') {
    throw new UsageError(`${option} ${printable(text)} is not an http or https URL`);
  }
  // A node's address may end in a key; a host's has paths of its own behind it.
  if (option === '--chain') return url.href;
  if (url.search !== '') throw new UsageError(`${option} is an address without a query`);
  return url.href.replace(/\/+$/, '');
}

/** An address may hold a name and a password. */
function withoutSecrets(host: string): string {
  const url = new URL(host);
  url.username = '';
  url.password = '';
  return url.href.replace(/\/+$/, '');
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}
