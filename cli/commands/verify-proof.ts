export const verifyProofUsage = `proofmark verify-proof FILE.proof --key circuit.key [--archive FILE.proofmark] [--json]
  Checks a proof by this package's own code. With --archive the answer's release has to name this key, and its receipt to
  carry the proof's commitment: then the answer is the model's, whoever computed it. Who signed the receipt is another
  question, which audit answers. A setup of one party (dev) proves nothing to anybody who does not trust that party.
  Exits 20 for what does not hold.`;
