/** The parts of firmware that a launch measurement reads, at the places where OVMF has them; the rest is a pattern. */
export interface SyntheticOvmf {
  readonly bytes?: number;
  readonly resetVector?: number | null;
  readonly hashTable?: readonly [address: number, size: number] | null;
  readonly sections?: readonly (readonly [address: number, size: number, type: number])[] | null;
}

/** Those of edk2-stable202405, AmdSevX64.dsc, which sev-snp-measure publishes digests for. */
export const amdSev: Required<Omit<SyntheticOvmf, 'bytes'>> = {
  resetVector: 0x80b004,
  hashTable: [0x810c00, 0x400],
  sections: [
    [0x800000, 0x9000, 1],
    [0x80a000, 0x3000, 1],
    [0x80d000, 0x1000, 2],
    [0x80e000, 0x1000, 3],
    [0x80f000, 0x1000, 4],
    [0x810000, 0x1000, 0x10],
    [0x811000, 0xf000, 1],
  ],
};

/** Those of the same release, OvmfPkgX64.dsc: no kernel hashes. */
export const ovmfX64: Required<Omit<SyntheticOvmf, 'bytes'>> = {
  resetVector: 0x80b004,
  hashTable: [0, 0],
  sections: [
    [0x800000, 0x9000, 1],
    [0x80a000, 0x3000, 1],
    [0x80d000, 0x1000, 2],
    [0x80e000, 0x1000, 3],
    [0x80f000, 0x1000, 4],
    [0x810000, 0x10000, 1],
  ],
};

const METADATA_FROM_END = 0x554;

/** GUIDs as they lie in the file. */
const guids = {
  footer: 'de82b596b21ff745baeaa366c55a082d',
  hashTable: '1f3755723b3a044b927b1da6efa8d454',
  resetBlock: 'de71f7007e1acb4f890e68c77e2fb44e',
  sevMetadata: '666588dc4a989847a75e5585a7bf67cc',
} as const;

export function syntheticOvmf(options: SyntheticOvmf = {}): Uint8Array {
  const { bytes: length = 8_192, resetVector, hashTable, sections } = { ...amdSev, ...options };
  const out = Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  if (sections !== null) {
    const start = length - METADATA_FROM_END;
    out.set(Buffer.from('ASEV'), start);
    out.set(words([16 + 12 * sections.length, 1, sections.length, ...sections.flat()]), start + 4);
  }
  let end = length - 32 - 18;
  if (resetVector !== null) putEntry(guids.resetBlock, [resetVector]);
  if (hashTable !== null) putEntry(guids.hashTable, hashTable);
  if (sections !== null) putEntry(guids.sevMetadata, [METADATA_FROM_END]);
  out.set(words([length - 32 - end]).subarray(0, 2), length - 50);
  out.set(Buffer.from(guids.footer, 'hex'), length - 48);
  return out;

  /** Content, then the length of all of it in 16 bits, then the GUID; the table grows towards the start. */
  function putEntry(guid: string, values: readonly number[]): void {
    const start = end - 18 - 4 * values.length;
    out.set(words(values), start);
    out.set(words([end - start]).subarray(0, 2), end - 18);
    out.set(Buffer.from(guid, 'hex'), end - 16);
    end = start;
  }
}

function words(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(4 * values.length);
  values.forEach((value, index) => {
    new DataView(out.buffer).setUint32(4 * index, value, true);
  });
  return out;
}
