import { logLevels } from '../log.ts';

/**
 * Every option of the host, once: the flags, the environment, the file and the help are made from this. What is not here
 * is refused in all three places.
 */
export interface OptionRow {
  /** `--name`, PROOFMARK_HOST_NAME, and "name" in the file. */
  readonly name: OptionName;
  readonly value: string;
  /** Shown, not applied: whoever reads the option applies it. */
  readonly default: string;
  readonly help: string;
  /** May be given again; a list in the file, and with commas in the environment. */
  readonly multiple: 'once' | 'many';
  /** In a file, a path is meant from the file's own folder. */
  readonly kind: 'path' | 'text';
}

export type OptionName =
  | 'config'
  | 'link'
  | 'state'
  | 'listen'
  | 'configuration'
  | 'release'
  | 'releases'
  | 'pin'
  | 'certificates'
  | 'metrics'
  | 'settlement'
  | 'levels'
  | 'keep-receipts'
  | 'keep-logs'
  | 'keep-gigabytes'
  | 'retention-minutes'
  | 'kms-region'
  | 'kms-endpoint'
  | 'auditors'
  | 'disclosed-days'
  | 'disclosed-gigabytes'
  | 'api-keys'
  | 'address-rate'
  | 'evidence-rate'
  | 'trusted-proxies'
  | 'allow-origin'
  | 'console'
  | 'statistics'
  | 'pending'
  | 'pending-per-worker'
  | 'load-seconds'
  | 'attestation-seconds'
  | 'drain-seconds'
  | 'log-level';

const REQUIRED = 'required';
const NONE = 'none';

export const optionTable: readonly OptionRow[] = [
  row(
    'config',
    'FILE',
    NONE,
    'a JSON object with any of these options; the environment wins over it, flags over both',
    'path',
  ),
  row('link', 'PATH', REQUIRED, 'the socket of a worker; again for each further one', 'path', 'many'),
  row('state', 'DIR', REQUIRED, 'where the journal is kept', 'path'),
  row('listen', 'HOST:PORT', REQUIRED, 'where clients come; port 0 lets the system choose'),
  row('configuration', 'FILE', REQUIRED, 'the frame that every worker is given, which its attestation binds', 'path'),
  row('release', 'DIR', NONE, 'the folder of a release; again for each further one', 'path', 'many'),
  row('releases', 'DIR', NONE, 'a folder of such folders, read again at SIGHUP', 'path'),
  row(
    'pin',
    'MODEL=N[,N...]',
    NONE,
    'keep a release at these workers, counted from 0, and nowhere else',
    'text',
    'many',
  ),
  row('certificates', 'DIR', NONE, 'AMD certificates and lists, for machines that bring none', 'path'),
  row('metrics', 'HOST:PORT', NONE, 'where operators read figures and drain workers; nobody else may reach it'),
  row('settlement', 'FILE', NONE, 'how payments are settled; without it none are taken', 'path'),
  row(
    'levels',
    'FILE',
    NONE,
    'which levels beyond the hardware’s are offered, and at what price; shown to everybody',
    'path',
  ),
  row('keep-receipts', 'DAYS', 'for-ever', 'how long receipts stay after their worker was last heard of'),
  row('keep-logs', 'DAYS', 'for-ever', 'the same for all of a log but what proves that its worker lied'),
  row(
    'keep-gigabytes',
    'N',
    'any',
    'a larger journal gives up receipts of the oldest ended logs that none can claim by',
  ),
  row('retention-minutes', 'N', '60', 'how often what is over is looked for'),
  row('kms-region', 'REGION', 'as the key says', 'where encrypted releases have their keys'),
  row('kms-endpoint', 'URL', 'that of AWS', 'another key service'),
  row(
    'auditors',
    'FILE',
    NONE,
    'auditors whose findings count, and who may read what was disclosed; read again at SIGHUP',
    'path',
  ),
  row('disclosed-days', 'N', '30', 'how long disclosed requests and their answers are kept for those auditors'),
  row('disclosed-gigabytes', 'N', '1', 'how much of them is kept; the oldest goes first'),
  row(
    'api-keys',
    'FILE',
    NONE,
    'hashes of the keys that callers need, read again at SIGHUP; "none" lets everybody ask',
    'path',
  ),
  row('address-rate', 'N[/BURST]', 'any', 'requests per second of one address without a key'),
  row('evidence-rate', 'N', '8', 'attestations per second that clients may ask for, all together'),
  row('trusted-proxies', 'N', '0', 'proxies of yours before this host, each of which adds to X-Forwarded-For'),
  row(
    'allow-origin',
    'ORIGIN',
    NONE,
    'pages of this origin may call from a browser, as https://example.org; or "any"',
    'text',
    'many',
  ),
  row('console', 'on|off', 'on', 'whether /console/ has a page for people, which says that its code is yours'),
  row('statistics', 'public|none', NONE, 'whether everybody may read sums over all callers at /v1/statistics'),
  row('pending', 'N', '4096', 'requests accepted at once; more are answered 503'),
  row('pending-per-worker', 'N', '1024', 'the same for each worker'),
  row('load-seconds', 'N', '60', 'how long a request waits for its model to be loaded'),
  row('attestation-seconds', 'N', '300', 'how often each worker is asked to attest'),
  row('drain-seconds', 'N', '10', 'how long requests under way may take once the host is told to stop'),
  row('log-level', logLevels.join('|'), 'info', 'what is logged; "access" has a line for each request'),
];

function row(
  name: OptionName,
  value: string,
  standard: string,
  help: string,
  kind: OptionRow['kind'] = 'text',
  multiple: OptionRow['multiple'] = 'once',
): OptionRow {
  return { name, value, default: standard, help, kind, multiple };
}

const PREFIX = 'PROOFMARK_HOST_';

export function environmentName(name: OptionName): string {
  return PREFIX + name.toUpperCase().replaceAll('-', '_');
}

export function isHostVariable(name: string): boolean {
  return name.startsWith(PREFIX);
}

export function helpText(): string {
  const left = optionTable.map(({ name, value }) => `  --${name} ${value}`);
  const width = Math.max(...left.map((text) => text.length)) + 2;
  const lines = optionTable.map(({ help, multiple, default: standard }, place) => {
    const notes = standard === REQUIRED ? REQUIRED : `default: ${standard}`;
    return `${(left[place] as string).padEnd(width)}${help} (${notes}${multiple === 'many' ? '; repeatable' : ''})`;
  });
  return [
    'Relays requests to workers, keeps their logs, and settles. Nobody needs to trust it.',
    '',
    ...lines,
    `  ${'--help'.padEnd(width - 2)}this text`,
    '',
    `Each can stand in the environment as ${PREFIX}NAME, or in the file of --config by its name.`,
    'Secrets are given by the path of their file only.',
    '',
  ].join('\n');
}
