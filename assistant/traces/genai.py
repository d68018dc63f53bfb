"""Names of the OpenTelemetry conventions for generative AI, all in one place.

They are those of ``open-telemetry/semantic-conventions-genai`` at revision 002c8a6ea1c8, and before
they moved there of semantic-conventions v1.41.0. All of them have the status "Development" there: a
later revision may rename any of them.
"""

OPERATION = "gen_ai.operation.name"
CHAT, EXECUTE_TOOL, INVOKE_AGENT = "chat", "execute_tool", "invoke_agent"
PROVIDER = "gen_ai.provider.name"
OPENAI = "openai"
"""Whoever speaks OpenAI's protocol is named so unless something better is known."""
CONVERSATION = "gen_ai.conversation.id"
AGENT = "gen_ai.agent.name"

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_SEED = "gen_ai.request.seed"
FINISH_REASONS = "gen_ai.response.finish_reasons"

INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"

TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
FUNCTION = "function"

# Content: only sent where the user asked for it.
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"

EVALUATION_RESULT = "gen_ai.evaluation.result"
"""An event."""
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_VALUE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"

ERROR_TYPE = "error.type"
"""Of the general conventions, where it is stable."""

# The conventions have no names for these: they are ours.
COST = "assistant.cost.usd"
RUN = "assistant.eval.run"
DATA = "assistant.eval.data"
TASK = "assistant.eval.task"
SAMPLE = "assistant.eval.sample"
STRATEGY = "assistant.eval.strategy"
INPUT = "assistant.input."
OUTPUT = "assistant.output."
EXIT_CODE = "assistant.exit_code"
"""Of a program, not of the operating system's process that the conventions' name is about."""
STATUS = "assistant.status"
"""How a session's turn ended."""
