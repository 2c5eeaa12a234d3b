/**
 * Adds, checks the range and sets the TTL in one atomic step. KEYS[1] is the counter, ARGV[1] the delta, ARGV[2] a TTL in
 * milliseconds or ''. Lua's numbers are doubles, so the reply is text. A result outside ±(2^53-1) is undone before it is
 * visible. If the user may not run one of the commands, the script fails before it changes anything.
 */
export const INCR = `if ARGV[2] ~= '' and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if value > 9007199254740991 or value < -9007199254740991 then
  redis.call('INCRBY', KEYS[1], string.format('%.0f', 0 - ARGV[1]))
  return redis.error_reply('NINEFOLDRANGE the counter would leave the safe range')
end
return string.format('%.0f', value)`;

/** Stores KEYS[i] = ARGV[i] with the TTL in the last ARGV, in milliseconds: atomically, in one round trip. */
export const SET_MANY = `local ttl = ARGV[#KEYS + 1]
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i], 'PX', ttl) end
return redis.status_reply('OK')`;
