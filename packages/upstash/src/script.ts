/**
 * Adds, checks the range and sets the TTL in one atomic step. KEYS[1] is the counter, ARGV[1] the delta, ARGV[2] a TTL in
 * milliseconds or ''. The range is that of safe integers, ±(2^53-1); a result outside it is undone before anyone sees it.
 * If the token may not run one of the commands, the script fails before it has changed anything.
 */
export const INCR = `if ARGV[2] ~= '' and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return tonumber(ARGV[1])
end
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if value > 9007199254740991 or value < -9007199254740991 then
  redis.call('INCRBY', KEYS[1], string.format('%.0f', 0 - ARGV[1]))
  return redis.error_reply('NINEFOLDRANGE the counter would leave the safe range')
end
return value`;

/** Stores ARGV[i] under KEYS[i], with the last ARGV as TTL in milliseconds: one billed command for a whole batch. */
export const SET_MANY = `local ttl = ARGV[#KEYS + 1]
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i], 'PX', ttl) end
return #KEYS`;
