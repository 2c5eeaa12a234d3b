/**
 * Adds, checks the range and sets the TTL in one atomic step. KEYS[1] the counter, ARGV[1] the delta, ARGV[2] a TTL in
 * milliseconds or nothing. A result outside ±(2^53-1) is taken back before anyone sees it. Lua's doubles are
 * exact within it. Near its ends the answer is a text: a client that reads integers as numbers, as one handed in may, gets
 * those within 47 of them wrong (ioredis 6.0.0). A command that the user may not run fails it before anything was changed.
 */
export const INCR = `if ARGV[2] and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if value > 9007199254740991 or value < -9007199254740991 then
  redis.call('INCRBY', KEYS[1], string.format('%.0f', -ARGV[1]))
  return redis.error_reply('NINEFOLDRANGE the counter would leave the safe range')
end
if value > 9007199254740000 or value < -9007199254740000 then return string.format('%.0f', value) end
return value`;

/**
 * Stores KEYS[i] = ARGV[i] with the TTL of the last ARGV, in milliseconds, where the server has no `MSETEX`. For up to some
 * 64 entries it is faster than `MSET` and a script of `PEXPIRE`s in a transaction, beyond them nearly as fast. All are
 * stored or none: what a server refuses it refuses at the first write of a script.
 */
export const SET_ALL = `local ttl = ARGV[#KEYS + 1]
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i], 'PX', ttl) end
return 'OK'`;
