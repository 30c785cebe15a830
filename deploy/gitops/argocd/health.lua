-- The health of an MCPWorkload for Argo CD, which shows an unknown kind as Healthy otherwise.
-- Argo CD gives the object as `obj` and runs this with neither io nor string.

-- What may pass without anybody changing the workload: a sync that waits must not fail on it.
local waits_for_others = {
  ApplyFailed = true, ChildConflict = true, ConfigError = true, Evicted = true,
  MountFailed = true, NodeLost = true, PodRefused = true, PodsUnreadable = true,
  ProbeFailing = true, ReferenceNotFound = true, ScaledToZero = true, Starting = true,
  Stopped = true, Unschedulable = true, Updating = true, VolumePending = true,
}

local status = obj.status or {}
-- Before the operator's first write it is -1; after a change it is older than the spec.
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not acted on this generation yet" }
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.observedGeneration == obj.metadata.generation then
    conditions[condition.type] = condition
  end
end

local stalled, ready = conditions.Stalled, conditions.Ready
if stalled ~= nil and stalled.status == "True" then
  return { status = "Degraded", message = stalled.reason .. ": " .. stalled.message }
end
if ready == nil then
  return { status = "Progressing", message = "the operator has not judged this generation yet" }
end
local message = ready.reason .. ": " .. ready.message
-- Stopped as asked for is Healthy as well: a sync waits for ever for what is Suspended.
if ready.status == "True" then
  return { status = "Healthy", message = message }
end
if ready.status == "Unknown" or waits_for_others[ready.reason] then
  return { status = "Progressing", message = message }
end
return { status = "Degraded", message = message }
