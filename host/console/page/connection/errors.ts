/** A part was drawn outside of the page: a mistake of ours, never of what is judged. */
export class MissingContextError extends Error {
  constructor() {
    super('drawn outside of the connection');
    this.name = 'MissingContextError';
  }
}
