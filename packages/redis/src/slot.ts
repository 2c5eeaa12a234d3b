import calculateSlot from 'cluster-key-slot';

const SLOTS = 16_384;

/**
 * The slot of a key in a Cluster. `cluster-key-slot` 1.1.2 gets those of keys wrong whose first braces are empty and followed by
 * another `}`: such a key is hashed as a whole.
 */
export function slotOf(key: string): number {
  const brace = key.indexOf('{');
  const isWhole = brace !== -1 && key[brace + 1] === '}';
  return isWhole ? crc16(Buffer.from(key)) % SLOTS : calculateSlot(key);
}

/** The CRC-16 that Redis hashes keys by (XMODEM). */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}
