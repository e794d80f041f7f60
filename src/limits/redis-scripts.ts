import { createHash } from 'node:crypto';

/**
 * The steps of the Redis store, each one script and so one atomic step in one round trip. Time is Redis' own, so that
 * processes need not agree on theirs.
 *
 * A counter has three keys, all with the team as hash tag: a hash (`used` and `u:<ledger>` of sums; `level`, `at` and
 * `limit` of rates; `r:<slot>:<ledger>` of rolling windows; `held`), a sorted set of its holds by the moment at which they
 * run out, and a hash of their amounts. `u:<ledger>` is there once that ledger has told what it knows of the counter: each
 * ledger has its own share, so that a Redis that lost everything is filled again by all of them, and none twice.
 */
const PRELUDE = `
local now
if ARGV[1] ~= '' then now = tonumber(ARGV[1]) else
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local ledger = ARGV[2]

local function whole(number) return string.format('%.0f', number) end

-- Redis reads no "-0".
local function less(amount) return amount == '0' and '0' or '-' .. amount end

-- Takes a hold back; gives its amount, or nil where there is none.
local function takeBack(counter, id)
  local amount = redis.call('HGET', counter.amounts, id)
  if not amount then return nil end
  redis.call('HDEL', counter.amounts, id)
  redis.call('ZREM', counter.holds, id)
  redis.call('HINCRBY', counter.hash, 'held', less(amount))
  return tonumber(amount)
end

local function dropEnded(counter)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', counter.holds, '-inf', now)) do takeBack(counter, id) end
end

local function levelOf(hash, length)
  local bucket = redis.call('HMGET', hash, 'level', 'at', 'limit')
  if not bucket[1] then return 0 end
  local leaked = math.max(0, now - tonumber(bucket[2])) * tonumber(bucket[3]) / length
  return math.max(0, tonumber(bucket[1]) - leaked)
end

local function setLevel(hash, level, limit)
  redis.call('HSET', hash, 'level', string.format('%.17g', math.max(0, level)), 'at', whole(now), 'limit', limit)
end

-- Slots as a flat list of start and sum; those that are forgotten are deleted.
local function slotsOf(hash, length, slotLength)
  local sums, order, slots, total = {}, {}, {}, 0
  local fields = redis.call('HGETALL', hash)
  for i = 1, #fields, 2 do
    local start = string.match(fields[i], '^r:(%d+):')
    if start then
      if tonumber(start) + slotLength + length <= now then redis.call('HDEL', hash, fields[i])
      else
        if not sums[start] then sums[start] = 0; order[#order + 1] = start end
        sums[start] = sums[start] + tonumber(fields[i + 1])
      end
    end
  end
  for _, start in ipairs(order) do
    slots[#slots + 1] = start
    slots[#slots + 1] = whole(sums[start])
    total = total + sums[start]
  end
  return slots, total
end

-- How a counter stands: used or level, held, then slots.
local function viewOf(counter)
  local held = redis.call('HGET', counter.hash, 'held') or '0'
  if counter.kind == 'rate' then
    counter.level = levelOf(counter.hash, counter.length)
    return { string.format('%.17g', counter.level), held }
  end
  counter.held = tonumber(held)
  if counter.kind == 'sum' then
    local used = redis.call('HGET', counter.hash, 'used') or '0'
    counter.used = tonumber(used)
    return { used, held }
  end
  local slots, total = slotsOf(counter.hash, counter.length, counter.slotLength)
  counter.used = total
  return { whole(total), held, unpack(slots) }
end

local function isKnown(counter)
  return counter.onlyHeld or redis.call('HEXISTS', counter.hash, 'u:' .. ledger) == 1
end

local function keep(counter)
  redis.call('PEXPIRE', counter.hash, counter.keepMs)
  redis.call('PEXPIRE', counter.holds, counter.keepMs)
  redis.call('PEXPIRE', counter.amounts, counter.keepMs)
end

-- The counter at a place in KEYS, with its arguments from ARGV[at] on.
local function counterAt(i, at)
  return {
    hash = KEYS[3 * i - 2], holds = KEYS[3 * i - 1], amounts = KEYS[3 * i],
    kind = ARGV[at], limit = ARGV[at + 1], amount = ARGV[at + 2],
    length = tonumber(ARGV[at + 3]), slotLength = tonumber(ARGV[at + 4]),
    onlyHeld = ARGV[at + 5] == '1', keepMs = ARGV[at + 6], actual = ARGV[at + 7],
  }
end
`;

/** How many arguments each counter has. */
export const COUNTER_ARGUMENTS = 8;

const RESERVE = `${PRELUDE}
local id, maxMs, count = ARGV[3], ARGV[4], tonumber(ARGV[5])
local counters, views, unseeded, refused = {}, {}, {}, {}
for i = 1, count do
  local counter = counterAt(i, 6 + (i - 1) * ${COUNTER_ARGUMENTS})
  counters[i] = counter
  dropEnded(counter)
  if not isKnown(counter) then unseeded[#unseeded + 1] = i - 1 end
end
if #unseeded > 0 then return { 'unseeded', whole(now), unseeded, {} } end
for i, counter in ipairs(counters) do
  views[i] = viewOf(counter)
  local amount, limit = tonumber(counter.amount), tonumber(counter.limit)
  local taken = counter.kind == 'rate' and counter.level - 0.000001 or counter.used and counter.used + counter.held
  if amount > 0 and taken + amount > limit then refused[#refused + 1] = i - 1 end
end
if #refused > 0 then return { 'refused', whole(now), refused, views } end
for i, counter in ipairs(counters) do
  if redis.call('HSETNX', counter.amounts, id, counter.amount) == 1 then
    redis.call('ZADD', counter.holds, whole(now + tonumber(maxMs)), id)
    redis.call('HINCRBY', counter.hash, 'held', counter.amount)
    if counter.kind == 'rate' then setLevel(counter.hash, counter.level + tonumber(counter.amount), counter.limit) end
  end
  keep(counter)
  views[i] = viewOf(counter)
end
return { 'held', whole(now), {}, views }
`;

const SETTLE = `${PRELUDE}
local id, startedAt, onlyIfHeld, count = ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[6])
local counted = {}
for i = 1, count do
  local counter = counterAt(i, 7 + (i - 1) * ${COUNTER_ARGUMENTS})
  counted[i] = ''
  dropEnded(counter)
  if isKnown(counter) then
    local before = viewOf(counter)
    local held = takeBack(counter, id)
    if held or not onlyIfHeld then
      counted[i] = before[1]
      if counter.kind == 'rate' then
        -- What is held fills a rate too, this hold as well until now.
        counted[i] = string.format('%.17g', counter.level - tonumber(before[2]))
        -- The call's own limit may have been edited since it began.
        local limit = redis.call('HGET', counter.hash, 'limit') or counter.limit
        setLevel(counter.hash, counter.level + tonumber(counter.actual) - (held or 0), limit)
      elseif counter.kind == 'sum' then
        redis.call('HINCRBY', counter.hash, 'used', counter.actual)
        redis.call('HINCRBY', counter.hash, 'u:' .. ledger, counter.actual)
      elseif counter.actual ~= '0' then
        local slot = math.floor(startedAt / counter.slotLength) * counter.slotLength
        redis.call('HINCRBY', counter.hash, 'r:' .. whole(slot) .. ':' .. ledger, counter.actual)
      end
      keep(counter)
    end
  end
end
return counted
`;

const READ = `${PRELUDE}
local count = tonumber(ARGV[3])
local views = {}
for i = 1, count do
  local counter = counterAt(i, 4 + (i - 1) * ${COUNTER_ARGUMENTS})
  dropEnded(counter)
  views[i] = isKnown(counter) and viewOf(counter) or {}
end
return { whole(now), views }
`;

/** One counter; its past follows its arguments: the sum, the level, or pairs of slot and sum. */
const SEED = `${PRELUDE}
local counter = counterAt(1, 3)
local first = 3 + ${COUNTER_ARGUMENTS}
local mark = 'u:' .. ledger
if counter.kind == 'sum' then
  local known = tonumber(redis.call('HGET', counter.hash, mark) or '0')
  local told = tonumber(ARGV[first])
  redis.call('HSETNX', counter.hash, mark, '0')
  if told > known then
    redis.call('HINCRBY', counter.hash, mark, whole(told - known))
    redis.call('HINCRBY', counter.hash, 'used', whole(told - known))
  end
elseif counter.kind == 'rate' then
  setLevel(counter.hash, math.max(levelOf(counter.hash, counter.length), tonumber(ARGV[first])), counter.limit)
  redis.call('HSET', counter.hash, mark, '1')
else
  for i = first, #ARGV, 2 do
    local field = 'r:' .. ARGV[i] .. ':' .. ledger
    local known = tonumber(redis.call('HGET', counter.hash, field) or '0')
    if tonumber(ARGV[i + 1]) > known then redis.call('HSET', counter.hash, field, ARGV[i + 1]) end
  end
  redis.call('HSET', counter.hash, mark, '1')
end
keep(counter)
return 1
`;

/** A script and the name by which Redis knows it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

export const REDIS_SCRIPTS = {
  reserve: scriptOf(RESERVE),
  settle: scriptOf(SETTLE),
  read: scriptOf(READ),
  seed: scriptOf(SEED),
} as const;

function scriptOf(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
