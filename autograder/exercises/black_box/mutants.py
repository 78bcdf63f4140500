"""Wrong black-box meta-learners, the frequent mistakes first."""

from autograder.instructor.quality.mutants import Mutant

SEEN = "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)"
LABELS = f"        seen_labels = {SEEN}\n"
JOINED = "torch.cat([input_images, seen_labels], dim=-1)"
SEQUENCE = f"{JOINED}.reshape(B, rows * N, -1)"
LAYER1 = "states, _ = self.layer1(sequence)"
LAYER2 = "logits, _ = self.layer2(states)"
OUTPUT = "logits.reshape(B, rows, N, N)"
PREDS, TARGETS = "preds[:, -1].reshape(-1, N)", "labels[:, -1].reshape(-1, N).argmax(dim=-1)"
LOSS = f"F.cross_entropy({PREDS}, {TARGETS})"


def _in_a_copy(statement: str) -> tuple[tuple[str, str], ...]:
    """The edit that hides labels by a statement about a copy, seen_labels."""
    return ((LABELS, f"        seen_labels = input_labels.clone()\n        {statement}\n"),)


def _by_hand(scores: str) -> tuple[tuple[str, str], ...]:
    """The edit that answers the queries by their scores (B, N, N), without an LSTM."""
    known = (
        "        support, asked = input_images[:, :-1].flatten(1, 2), input_images[:, -1]\n"
        "        taught = input_labels[:, :-1].flatten(1, 2)\n"
    )
    return (
        (LABELS, f"{known}{LABELS}"),
        (OUTPUT, f"torch.cat([taught.reshape(B, -1, N, N), ({scores})[:, None]], dim=1)"),
    )


COUNT = ("test_every_drawing_gets_logits",)
SHAPE = ("test_shape",)
LEAK = ("test_query_labels_never_reach_the_network",)
BATCH = ("test_episodes_of_a_batch_are_independent",)
MEMORY = ("test_queries_are_answered_from_memory",)
ORDER = ("test_every_query_comes_after_the_whole_support",)
SUPPORT = ("test_support_labels_reach_the_network",)
OWN = ("test_a_query_drawing_decides_its_own_output",)
AFRESH = ("test_every_forward_pass_starts_afresh",)
BETWEEN = ("test_layer2_reads_negative_outputs_of_layer1",)
LOGITS = ("test_outputs_are_logits",)
CALLER = ("test_the_callers_labels_stay_as_they_were",)
QUERY_ONLY = ("test_loss_looks_at_the_query_only",)
CROSS_ENTROPY = ("test_loss_is_cross_entropy",)
CONNECTED = ("test_loss_can_be_differentiated",)
GRADIENTS = ("test_gradients_reach_both_layers",)

OVERWRITTEN = "forward zeroes the query row of the caller's own labels, the targets of the loss"
APART = "the two LSTMs are detached from each other: no gradient flows back from the second to the first"
CUT = "the loss is a plain number, no longer connected to the predictions"

MUTANTS = [
    # The loss
    Mutant(
        "cross entropy over the wrong axis",
        ((LOSS, "F.cross_entropy(preds[:, -1], labels[:, -1])"),),
        CROSS_ENTROPY,
        "the softmax is taken over dimension 1, the positions of the queries, instead of the classes",
    ),
    Mutant(
        "log-softmax by hand over the wrong axis",
        ((LOSS, "-(labels[:, -1] * preds[:, -1].log_softmax(dim=1)).sum(dim=-1).mean()"),),
        CROSS_ENTROPY,
        "the softmax is taken over dimension 1, the positions of the queries, instead of the classes",
    ),
    Mutant(
        "log-softmax over the batch",
        ((LOSS, "-(labels[:, -1] * preds[:, -1].log_softmax(dim=0)).sum(dim=-1).mean()"),),
        CROSS_ENTROPY,
        "the softmax is taken over dimension 0, the episodes of the batch, instead of the classes",
    ),
    Mutant(
        "target by argmax over the wrong axis",
        ((TARGETS, "labels[:, -1].argmax(dim=1).reshape(-1)"),),
        CROSS_ENTROPY,
        "each target is the position of the query that has the class, the inverse permutation, instead of the class",
    ),
    Mutant(
        "predictions transposed before they are flattened",
        ((PREDS, "preds[:, -1].transpose(1, 2).reshape(-1, N)"),),
        CROSS_ENTROPY,
        "classes and positions of the queries are exchanged in the predictions, but not in the labels",
    ),
    Mutant(
        "loss over all rows",
        ((LOSS, "F.cross_entropy(preds.reshape(-1, N), labels.reshape(-1, N).argmax(dim=-1))"),),
        QUERY_ONLY,
        "the loss is averaged over the support as well as the query",
    ),
    Mutant(
        "loss of the support instead of the query",
        ((LOSS, "F.cross_entropy(preds[:, :-1].reshape(-1, N), labels[:, :-1].reshape(-1, N).argmax(dim=-1))"),),
        QUERY_ONLY,
        "the loss is taken on the support, instead of the query",
    ),
    Mutant(
        "loss of row 1 instead of the last",
        ((LOSS, "F.cross_entropy(preds[:, 1].reshape(-1, N), labels[:, 1].reshape(-1, N).argmax(dim=-1))"),),
        QUERY_ONLY,
        "the loss is taken on row 1, which is the query for K = 1 only",
    ),
    Mutant(
        "predictions of the query against labels of the first row",
        ((TARGETS, "labels[:, 0].reshape(-1, N).argmax(dim=-1)"),),
        CROSS_ENTROPY,
        "the predictions for the query are held against the labels of a support row",
    ),
    Mutant(
        "loss of the last query only",
        ((LOSS, "F.cross_entropy(preds[:, -1, -1], labels[:, -1, -1].argmax(dim=-1))"),),
        CROSS_ENTROPY,
        "the loss is taken on the last query of each episode only",
    ),
    Mutant(
        "last N places of the batch instead of each episode",
        ((LOSS, "F.cross_entropy(preds.reshape(-1, N)[-N:], labels.reshape(-1, N)[-N:].argmax(dim=-1))"),),
        CROSS_ENTROPY,
        "the loss is taken on the last episode of the batch only",
    ),
    Mutant(
        "loss of the first episode only",
        ((LOSS, "F.cross_entropy(preds[0, -1], labels[0, -1].argmax(dim=-1))"),),
        CROSS_ENTROPY,
        "the loss is taken on the first episode of the batch only",
    ),
    Mutant(
        "softmax before the cross entropy",
        ((LOSS, f"F.cross_entropy({PREDS}.softmax(dim=-1), {TARGETS})"),),
        CROSS_ENTROPY,
        "softmax is applied before the cross entropy, which applies it again",
    ),
    Mutant(
        "sigmoid before the cross entropy",
        ((LOSS, f"F.cross_entropy({PREDS}.sigmoid(), {TARGETS})"),),
        CROSS_ENTROPY,
        "a sigmoid is applied before the cross entropy",
    ),
    Mutant(
        "negative log likelihood without a logarithm",
        ((LOSS, f"F.nll_loss({PREDS}, {TARGETS})"),),
        CROSS_ENTROPY,
        "the loss is minus the logit of the right class: nll_loss of logits that are no log-probabilities",
    ),
    Mutant(
        "negative log likelihood of probabilities",
        ((LOSS, f"F.nll_loss({PREDS}.softmax(dim=-1), {TARGETS})"),),
        CROSS_ENTROPY,
        "the loss is minus the probability of the right class, without the logarithm",
    ),
    Mutant(
        "logarithm of the logits",
        ((LOSS, "-(labels[:, -1] * preds[:, -1].log()).sum(dim=-1).mean()"),),
        QUERY_ONLY,
    ),
    Mutant(
        "the sign",
        ((LOSS, f"F.log_softmax({PREDS}, dim=-1).gather(1, {TARGETS}.unsqueeze(1)).mean()"),),
        CROSS_ENTROPY,
        "the minus sign is missing: the loss is the log-probability of the right class",
    ),
    Mutant(
        "predictions and labels exchanged",
        ((LOSS, "F.cross_entropy(labels[:, -1].reshape(-1, N), preds[:, -1].reshape(-1, N))"),),
        CROSS_ENTROPY,
        "predictions and labels are given to the cross entropy in the other order",
    ),
    Mutant(
        "squared error",
        ((LOSS, "F.mse_loss(preds[:, -1].softmax(dim=-1), labels[:, -1])"),),
        CROSS_ENTROPY,
        "the loss is the squared error of the probabilities",
    ),
    Mutant(
        "each class by itself",
        ((LOSS, "F.binary_cross_entropy_with_logits(preds[:, -1], labels[:, -1])"),),
        CROSS_ENTROPY,
        "the loss is the binary cross entropy of each class by itself",
    ),
    Mutant(
        "summed instead of averaged",
        ((LOSS, f'F.cross_entropy({PREDS}, {TARGETS}, reduction="sum")'),),
        CROSS_ENTROPY,
        "the loss is summed over the queries instead of averaged",
    ),
    Mutant(
        "summed over the queries, averaged over the episodes",
        ((LOSS, f'F.cross_entropy({PREDS}, {TARGETS}, reduction="sum") / len(preds)'),),
        CROSS_ENTROPY,
        "the loss is averaged over the episodes but summed over the N queries of each",
    ),
    Mutant(
        "averaged over the classes too",
        ((LOSS, "-(labels[:, -1] * preds[:, -1].log_softmax(dim=-1)).mean()"),),
        CROSS_ENTROPY,
        "the mean runs over the N classes too, so that the loss is N times too small",
    ),
    Mutant(
        "divided by all rows",
        ((LOSS, f'F.cross_entropy({PREDS}, {TARGETS}, reduction="sum") / labels[..., 0].numel()'),),
        CROSS_ENTROPY,
        "the loss of the query is divided by the number of all drawings, support included",
    ),
    Mutant(
        "not averaged at all",
        ((LOSS, f'F.cross_entropy({PREDS}, {TARGETS}, reduction="none")'),),
        CROSS_ENTROPY,
        "the loss is not averaged: one number for each query",
    ),
    Mutant("the loss is a number", ((f"return {LOSS}", f"return {LOSS}.item()"),), CONNECTED, CUT),
    Mutant("the loss of detached predictions", ((LOSS, LOSS.replace("preds", "preds.detach()")),), CONNECTED, CUT),
    # What the network is shown
    Mutant(
        "labels hidden in training only",
        _in_a_copy("if self.training:\n            seen_labels[:, -1] = 0"),
        LEAK,
        "no label of the query is hidden after eval()",
    ),
    Mutant(
        "only the last label is hidden",
        _in_a_copy("seen_labels[:, -1, -1] = 0"),
        LEAK,
        "of the query labels only the last is hidden: the network sees the N - 1 others",
    ),
    Mutant(
        "no label is hidden",
        ((SEEN, "input_labels"),),
        LEAK,
        "no label is hidden: the network sees those of the query",
    ),
    Mutant(
        "all but the first query label are hidden",
        _in_a_copy("seen_labels.reshape(B, -1, N)[:, 1 - N :] = 0"),
        LEAK,
        "the labels of the last N - 1 drawings are hidden, and the network sees that of the first query",
    ),
    Mutant(
        "three labels are hidden, whatever N",
        _in_a_copy("seen_labels[:, -1, :3] = 0"),
        LEAK,
        "the labels of three queries are hidden, whatever N is",
    ),
    Mutant(
        "the labels of the last three queries are hidden, whatever N",
        _in_a_copy("seen_labels[:, -1, -3:] = 0"),
        LEAK,
        "the labels of three queries are hidden, whatever N is",
    ),
    Mutant(
        "the last three numbers of each query label are hidden, whatever N",
        _in_a_copy("seen_labels[:, -1, :, -3:] = 0"),
        LEAK,
        "the last three numbers of every query label are hidden, whatever N is",
    ),
    Mutant(
        "the last class is hidden instead of the last row",
        _in_a_copy("seen_labels[:, :, -1] = 0"),
        (*LEAK, *SUPPORT),
        "the labels of the last column are hidden in every row, instead of the last row",
    ),
    Mutant(
        "the last number of each label is hidden",
        _in_a_copy("seen_labels[..., -1] = 0"),
        LEAK,
        "the last number of every label is hidden, instead of the last row",
    ),
    Mutant(
        "row 1 instead of the last is hidden",
        _in_a_copy("seen_labels[:, 1] = 0"),
        (*LEAK, *SUPPORT),
        "the labels of row 1 are hidden, which is the query for K = 1 only",
    ),
    Mutant(
        "all rows but the first are hidden",
        _in_a_copy("seen_labels[:, 1:] = 0"),
        SUPPORT,
        "the labels of all rows but the first are hidden, which is right for K = 1 only",
    ),
    Mutant(
        "one label too many is hidden",
        _in_a_copy("seen_labels.reshape(B, -1, N)[:, -N - 1 :] = 0"),
        SUPPORT,
        "the labels of the last N + 1 drawings are hidden, one of the support among them",
    ),
    Mutant(
        "all labels are hidden",
        ((SEEN, "torch.zeros_like(input_labels)"),),
        MEMORY,
        "all labels are hidden, those of the support too",
        without_idea=True,
    ),
    Mutant(
        "query drawings are hidden too",
        (
            (
                f"{JOINED}.reshape",
                "torch.cat([input_images * (torch.arange(rows) < rows - 1)[:, None, None], "
                "seen_labels], dim=-1).reshape",
            ),
        ),
        MEMORY,
        "the drawings of the query are hidden together with their labels",
        without_idea=True,
    ),
    Mutant(
        "the caller's labels are overwritten",
        ((LABELS, "        seen_labels = input_labels\n        seen_labels[:, -1] = 0\n"),),
        CALLER,
        OVERWRITTEN,
    ),
    Mutant(
        "detach taken for a copy",
        ((LABELS, "        seen_labels = input_labels.detach()\n        seen_labels[:, -1, :, :] = 0.0\n"),),
        CALLER,
        OVERWRITTEN,
    ),
    Mutant(
        "zeroed through a view",
        (
            (
                LABELS,
                "        flat = input_labels.view(B, rows * N, N)\n        flat[:, -N:] = 0\n"
                "        seen_labels = flat.view(B, rows, N, N)\n",
            ),
        ),
        CALLER,
        OVERWRITTEN,
    ),
    # The sequence
    Mutant(
        "class by class: queries before later support",
        ((f"{JOINED}.reshape", f"{JOINED}.transpose(1, 2).reshape"),),
        ORDER,
        "drawings are read class by class, each class's query before the support of the next",
    ),
    Mutant(
        "class by class, put back in order",
        (
            (f"{JOINED}.reshape", f"{JOINED}.transpose(1, 2).reshape"),
            (OUTPUT, "logits.reshape(B, N, rows, N).transpose(1, 2)"),
        ),
        ORDER,
        "drawings are read class by class, each class's query before the support of the next",
    ),
    Mutant(
        "outputs read class by class",
        ((OUTPUT, "logits.reshape(B, N, rows, N).transpose(1, 2)"),),
        ORDER,
        "drawings go in row by row, but outputs are read off class by class",
    ),
    Mutant(
        "labels class by class, drawings row by row",
        (
            (
                SEQUENCE,
                "torch.cat([input_images.reshape(B, rows * N, -1),"
                " seen_labels.transpose(1, 2).reshape(B, rows * N, -1)], dim=-1)",
            ),
        ),
        SUPPORT,
        "drawings are flattened row by row, but their labels class by class",
    ),
    Mutant(
        "the query comes first",
        ((f"{JOINED}.reshape", f"{JOINED}.flip(1).reshape"), (OUTPUT, f"{OUTPUT}.flip(1)")),
        MEMORY,
        "the rows are read from the last to the first, the query before the support",
        without_idea=True,
    ),
    Mutant(
        "each row a sequence of its own",
        ((SEQUENCE, f"{JOINED}.reshape(B * rows, N, -1)"),),
        MEMORY,
        "each row is a sequence of its own: the query is read without a memory of the support",
        without_idea=True,
    ),
    Mutant(
        "each class a sequence of its own",
        (
            (SEQUENCE, f"{JOINED}.transpose(1, 2).reshape(B * N, rows, -1)"),
            (OUTPUT, "logits.reshape(B, N, rows, N).transpose(1, 2)"),
        ),
        ORDER,
        "each class is a sequence of its own: its query is read without a memory of the other classes",
    ),
    Mutant(
        "the sequence runs over the batch",
        ((LAYER1, "states, _ = self.layer1(sequence.transpose(0, 1))\n        states = states.transpose(0, 1)"),),
        BATCH,
        "the first LSTM runs over the episodes of the batch instead of the drawings of an episode",
        without_idea=True,
    ),
    Mutant(
        "time first, by a reshape",
        ((SEQUENCE, f"{JOINED}.reshape(rows * N, B, -1)"),),
        BATCH,
        "the input is reshaped to ((K+1) * N, B, 784 + N), which mixes the episodes of the batch",
        without_idea=True,
    ),
    Mutant(
        "the last output for every place",
        ((OUTPUT, "logits[:, -1:].expand(-1, rows * N, -1).reshape(B, rows, N, N)"),),
        OWN,
        "the last output of the sequence stands at every place",
    ),
    Mutant(
        "a shape that fits only N = K + 1",
        ((OUTPUT, "logits.reshape(B, N, rows, N)"),),
        SHAPE,
        "the outputs are shaped to (B, N, K+1, N)",
    ),
    Mutant("a sequence is returned", ((OUTPUT, "logits"),), SHAPE, "the outputs are left as one sequence"),
    Mutant("only the query is returned", ((OUTPUT, f"{OUTPUT}[:, -1]"),), COUNT, "only the query row is returned"),
    Mutant(
        "the state is returned too",
        ((LAYER2, "logits, state = self.layer2(states)"), (OUTPUT, f"{OUTPUT}, state")),
        COUNT,
    ),
    Mutant("nothing is returned", ((f"return {OUTPUT}", f"{OUTPUT}"),), COUNT),
    Mutant(
        "runs on a GPU only",
        (("torch.zeros_like(input_labels[:, -1:])", 'torch.zeros_like(input_labels[:, -1:], device="cuda")'),),
        COUNT,
    ),
    Mutant("input in double precision", ((SEQUENCE, f"{SEQUENCE}.double()"),), COUNT),
    # Without the LSTMs
    Mutant(
        "each drawing a sequence of its own",
        ((SEQUENCE, f"{JOINED}.reshape(B * rows * N, 1, -1)"),),
        MEMORY,
        "each drawing is a sequence of its own: nothing is remembered",
        without_idea=True,
    ),
    Mutant(
        "attention by hand instead of LSTMs",
        _by_hand("(asked @ support.transpose(1, 2) / 28).softmax(dim=-1) @ taught - 0.5"),
        MEMORY,
        without_idea=True,
    ),
    Mutant(
        "the nearest neighbour by hand instead of LSTMs",
        _by_hand("taught[torch.arange(B)[:, None], torch.cdist(asked, support).argmin(dim=-1)] - 0.5"),
        MEMORY,
        without_idea=True,
    ),
    Mutant(
        "the mean of the support for the LSTMs' memory",
        (
            (
                SEQUENCE,
                f"{JOINED}.reshape(B, rows * N, -1)\n"
                "        mean = sequence[:, :-N].mean(dim=1, keepdim=True)\n"
                "        sequence = torch.cat([sequence[:, :-N], sequence[:, -N:] + mean], dim=1)"
                ".reshape(B * rows * N, 1, -1)",
            ),
        ),
        MEMORY,
        without_idea=True,
    ),
    Mutant(
        "attention by hand beside the LSTMs",
        (
            (
                OUTPUT,
                f"{OUTPUT} + (\n"
                "            (input_images[:, -1] @ input_images[:, :-1].flatten(1, 2).transpose(1, 2) / 28)\n"
                "            .softmax(dim=-1) @ input_labels[:, :-1].flatten(1, 2)\n"
                "        )[:, None]",
            ),
        ),
        MEMORY,
        without_idea=True,
    ),
    # The layers
    Mutant(
        "ReLU between the layers",
        ((LAYER2, "logits, _ = self.layer2(F.relu(states))"),),
        BETWEEN,
        "a ReLU stands between the two LSTMs",
    ),
    Mutant(
        "softmax in forward",
        ((OUTPUT, f"{OUTPUT}.softmax(dim=-1)"),),
        LOGITS,
        "forward ends with a softmax over the classes",
    ),
    Mutant(
        "softmax over the queries in forward",
        ((OUTPUT, f"{OUTPUT}.softmax(dim=2)"),),
        LOGITS,
        "forward ends with a softmax over the positions of the queries",
    ),
    Mutant("sigmoid in forward", ((OUTPUT, f"{OUTPUT}.sigmoid()"),), LOGITS, "forward ends with a sigmoid"),
    Mutant(
        "the state is kept from batch to batch",
        (
            (
                LAYER1,
                'states, state = self.layer1(sequence, getattr(self, "state", None))\n'
                "        self.state = tuple(part.detach() for part in state)",
            ),
        ),
        AFRESH,
    ),
    Mutant(
        "weights drawn anew in every forward pass",
        ((LAYER1, f"initialize_weights(self.layer1)\n        {LAYER1}"),),
        (*AFRESH, *MEMORY),
        without_idea=True,
    ),
    Mutant("dropout when testing too", ((LAYER2, "logits, _ = self.layer2(F.dropout(states))"),), AFRESH),
    Mutant("detached between the layers", ((LAYER2, "logits, _ = self.layer2(states.detach())"),), GRADIENTS, APART),
    Mutant("first layer under no_grad", ((LAYER1, f"with torch.no_grad():\n            {LAYER1}"),), GRADIENTS, APART),
    Mutant(
        "outputs detached",
        ((OUTPUT, f"{OUTPUT}.detach()"),),
        GRADIENTS,
        "the outputs of forward are detached, and no gradient flows back into the network",
    ),
]

# What each check that trains should tell from the reference by its accuracy, for `python -m autograder calibrate`.
# Hiding all labels is not there: the support is in the order of its labels, which is as good as reading them.
NOT_LEARNED = (
    "no label is hidden",
    "each row a sequence of its own",
    "query drawings are hidden too",
)
LEARNING = {"test_learns_stripes": NOT_LEARNED, "test_learns_handwriting": NOT_LEARNED}
