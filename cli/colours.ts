type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Colours are for terminals. FORCE_COLOR asks for them elsewhere, NO_COLOR (no-color.org) for none; where both stand,
 * NO_COLOR counts, as what nobody sets by mistake. `--color` on the command line is stronger than either.
 */
export function wantsColours(environment: Environment, isTerminal: 'terminal' | 'no-terminal'): boolean {
  const { NO_COLOR: none = '', FORCE_COLOR: force = '', TERM: terminal = '' } = environment;
  if (none !== '') return false;
  if (force !== '') return force !== '0' && force !== 'false';
  return isTerminal === 'terminal' && terminal !== 'dumb';
}
