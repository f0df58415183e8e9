import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { limits } from '../wire/limits.ts';
import { decodeConfiguration } from '../wire/message/configuration.ts';
import { StartError } from './errors.ts';
import type { HostOptions, ListenAddress } from './host.ts';
import { createAwsKms } from './kms.ts';
import { openRelease, type Release } from './releases.ts';
import { readSettlement } from './settlement/options.ts';

/**
 * `--link PATH... --state DIR --listen 127.0.0.1:PORT --configuration FILE --release DIR... [--certificates DIR]
 * [--metrics 127.0.0.1:PORT] [--settlement FILE] [--kms-region REGION] [--kms-endpoint URL]`,
 * and the files they name.
 */
export function readOptions(args: readonly string[]): Omit<HostOptions, 'onEvent'> {
  const { values } = parse(args);
  const required = (name: 'state' | 'listen' | 'configuration'): string => {
    const value = values[name];
    if (value === undefined) throw new StartError('arguments_invalid', `--${name} is required`);
    return value;
  };
  return {
    links: readLinks(values.link ?? []),
    stateDirectory: required('state'),
    listen: parseAddress('listen', required('listen')),
    ...(values.metrics === undefined ? {} : { metrics: parseAddress('metrics', values.metrics) }),
    configuration: readConfiguration(required('configuration')),
    ...(values.certificates === undefined ? {} : { certificates: values.certificates }),
    ...(values.settlement === undefined ? {} : { settlement: readSettlement(values.settlement) }),
    releases: (values.release ?? []).map(readRelease),
    keys: createAwsKms({
      ...(values['kms-region'] === undefined ? {} : { region: values['kms-region'] }),
      ...(values['kms-endpoint'] === undefined ? {} : { endpoint: readUrl(values['kms-endpoint']) }),
    }),
  };
}

function readLinks(paths: readonly string[]): readonly string[] {
  if (paths.length === 0) throw new StartError('arguments_invalid', '--link is required');
  if (paths.length > limits.hostWorkers) {
    throw new StartError('arguments_invalid', `--link more than ${limits.hostWorkers} times`);
  }
  if (new Set(paths).size < paths.length) throw new StartError('arguments_invalid', '--link names one worker twice');
  return paths;
}

function parse(args: readonly string[]): {
  readonly values: {
    readonly link?: readonly string[];
    readonly state?: string;
    readonly listen?: string;
    readonly metrics?: string;
    readonly certificates?: string;
    readonly configuration?: string;
    readonly settlement?: string;
    readonly 'kms-region'?: string;
    readonly 'kms-endpoint'?: string;
    readonly release?: readonly string[];
  };
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        link: { type: 'string', multiple: true },
        state: { type: 'string' },
        listen: { type: 'string' },
        metrics: { type: 'string' },
        certificates: { type: 'string' },
        configuration: { type: 'string' },
        settlement: { type: 'string' },
        'kms-region': { type: 'string' },
        'kms-endpoint': { type: 'string' },
        release: { type: 'string', multiple: true },
      },
    });
  } catch (cause) {
    throw new StartError('arguments_invalid', (cause as { readonly message: string }).message, { cause });
  }
}

function parseAddress(option: string, text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9A-Za-z.-]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    throw new StartError('arguments_invalid', `--${option} is not HOST:PORT`);
  }
  return { host, port };
}

function readUrl(text: string): string {
  if (!/^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : '')) {
    throw new StartError('arguments_invalid', '--kms-endpoint is not a URL');
  }
  return text;
}

function readConfiguration(path: string): Uint8Array {
  try {
    const bytes = Uint8Array.from(readFileSync(path));
    if (bytes.length > limits.configurationBytes) throw new StartError('configuration_invalid', 'too large');
    decodeConfiguration(bytes);
    return bytes;
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('configuration_invalid', path, { cause });
  }
}

function readRelease(directory: string): Release {
  try {
    return openRelease(directory);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('release_invalid', directory, { cause });
  }
}
