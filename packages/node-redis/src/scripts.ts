/**
 * Adds, checks the range and sets the TTL in one atomic step. KEYS[1] the counter, ARGV[1] the delta, ARGV[2] a TTL in
 * milliseconds or ''. Lua's numbers are doubles, so the answer is read as text. A result outside ±(2^53-1) is taken back
 * before anyone sees it.
 */
export const INCR = `local made = redis.call('EXISTS', KEYS[1]) == 0
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if value > 9007199254740991 or value < -9007199254740991 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
  return redis.error_reply('NINEFOLDRANGE the counter would leave the safe range')
end
if made and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])`;

/** Stores KEYS[i] = ARGV[i] with the TTL of the last ARGV, in milliseconds: one round trip, and atomic. */
export const SET_MANY = `local ttl = ARGV[#KEYS + 1]
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i], 'PX', ttl) end
return #KEYS`;
