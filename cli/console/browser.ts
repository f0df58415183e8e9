import { spawn } from 'node:child_process';
import { platform } from 'node:os';

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** With the platform's own opener. Where there is none, the address stands on the terminal all the same. */
export function openInBrowser(url: string, warn: (text: string) => void): void {
  const [program, ...args] = OPENERS[platform()] ?? ['xdg-open'];
  const opener = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  opener.on('error', () => warn(`cannot open a browser here (${program}): open the address yourself\n`));
  opener.unref();
}
