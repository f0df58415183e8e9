/** Every way in which bytes of an image, a kernel or a firmware can be refused. Codes are API. */
export type ImageErrorCode =
  | 'eif_too_large'
  | 'eif_truncated'
  | 'eif_magic'
  | 'eif_version'
  | 'eif_header'
  | 'eif_section_count'
  | 'eif_section_type'
  | 'eif_section_place'
  | 'eif_section_size'
  | 'eif_section_order'
  | 'eif_trailing_bytes'
  | 'eif_checksum'
  | 'eif_command_line'
  | 'eif_metadata'
  | 'eif_signature'
  | 'cpio_too_large'
  | 'cpio_truncated'
  | 'cpio_format'
  | 'cpio_path'
  | 'cpio_duplicate'
  | 'cpio_entry'
  | 'cpio_trailing_bytes'
  | 'kernel_too_large'
  | 'kernel_truncated'
  | 'kernel_is_elf'
  | 'kernel_not_bzimage'
  | 'kernel_protocol'
  | 'kernel_version_unreadable'
  | 'kernel_compression'
  | 'kernel_payload'
  | 'kernel_config_absent'
  | 'kernel_config_malformed'
  | 'kernel_config_mismatch'
  | 'kernel_too_old'
  | 'kernel_option_missing'
  | 'kernel_module_missing'
  | 'firmware_size'
  | 'firmware_table'
  | 'firmware_metadata'
  | 'firmware_without_kernel_hashes'
  | 'firmware_without_reset_vector'
  | 'launch_invalid'
  | 'vcpu_type_unknown';

/** Where in the input the refusal happened: a byte offset, or the name of what is wrong (a path, an option, a field). */
export interface ImageErrorPlace {
  readonly offset?: number;
  readonly name?: string;
}

export class ImageError extends Error {
  readonly code: ImageErrorCode;
  readonly place: ImageErrorPlace;

  constructor(code: ImageErrorCode, detail: string, place: ImageErrorPlace = {}) {
    const where = [
      place.name === undefined ? '' : ` in ${JSON.stringify(place.name.slice(0, 256))}`,
      place.offset === undefined ? '' : ` at byte ${place.offset}`,
    ].join('');
    super(`${code}: ${detail}${where}`);
    this.name = 'ImageError';
    this.code = code;
    this.place = place;
  }
}
