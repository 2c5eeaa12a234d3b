/**
 * Adds, checks the range and sets the TTL in one atomic step. KEYS[1] is the counter, ARGV[1] the delta, ARGV[2] an optional
 * TTL in milliseconds. A result outside ±(2^53-1) is undone before it is visible; Lua's doubles are exact within that range.
 * Near its ends the reply is text: a provided client may parse integers to numbers, and then gets those within 47 of the
 * ends wrong (ioredis 6.0.0). If the user may not run one of the commands, the script fails before it changes anything.
 */
export const INCR = `if ARGV[2] and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if value > 9007199254740991 or value < -9007199254740991 then
  redis.call('INCRBY', KEYS[1], string.format('%.0f', 0 - ARGV[1]))
  return redis.error_reply('NINEFOLDRANGE the counter would leave the safe range')
end
if value > 9007199254740000 or value < -9007199254740000 then return string.format('%.0f', value) end
return value`;

/**
 * Stores KEYS[i] = ARGV[i] with the TTL in the last ARGV, in milliseconds, for servers without `MSETEX`. Up to about 64
 * entries it is faster than a transaction of `MSET` and a script of `PEXPIRE`s, and above that nearly as fast. It stores all
 * entries or none: a server refuses a script at its first write.
 */
export const SET_MANY = `local ttl = ARGV[#KEYS + 1]
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i], 'PX', ttl) end
return 'OK'`;
