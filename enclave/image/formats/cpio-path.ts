import { utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';
import { TRAILER_NAME } from './cpio.ts';

/**
 * One spelling for one place: relative to the root, without empty, "." or ".." components. The kernel would unpack
 * "/init", "./init" and "a/../init" to the same file.
 */
export function requireCpioPath(path: string): void {
  const refuse = (detail: string): never => {
    throw new ImageError('cpio_path', detail, { name: path });
  };
  if (path === '') refuse('an empty path');
  if (path === TRAILER_NAME) refuse('the name that ends an archive');
  if (path.includes('\0')) refuse('a NUL in a path');
  if (/\p{Surrogate}/u.test(path)) refuse('a path with a lone surrogate');
  if (utf8(path).length >= limits.cpioPathBytes) refuse(`a path of ${limits.cpioPathBytes} bytes or more`);
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    refuse('a path has one spelling: no leading, trailing or double slash, no "." and no ".."');
  }
}

/** The directory that a path lies in, or null for one at the root. */
export function parentOf(path: string): string | null {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? null : path.slice(0, slash);
}
