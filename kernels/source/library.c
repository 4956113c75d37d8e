/* The library's one entry, by which ONNX Runtime learns of the operators and of the memory, and the operators as it sees
 * them: their names, their tensors, what is wrong with those. What they compute is in variant.c; README.md has their
 * contract. */
#include <stdlib.h>

#include "onnxruntime.h"
#include "pool.h"
#include "scratch.h"
#include "variant.h"

#define EXPORTED __attribute__((visibility("default")))

static Api api;
static const Variant *variant;

/* ---- calls of ONNX Runtime's ---- */

#define CALL(type, place) ((type)api[place])

static Status *refuse(int code, const char *message) { return CALL(CreateStatus, CREATE_STATUS)(code, message); }

/* A tensor of rank 0 to 3; lengths[] beyond its rank are 1. */
typedef struct {
    void *data;
    size_t rank;
    int64_t lengths[3];
} Tensor;

static Status *read_tensor(Context *context, size_t index, Tensor *tensor) {
    const Value *value;
    ShapeInfo *info;
    Status *status;
    if ((status = CALL(GetInput, GET_INPUT)(context, index, &value))) return status;
    if ((status = CALL(GetData, GET_DATA)(value, &tensor->data))) return status;
    if ((status = CALL(GetShapeInfo, GET_SHAPE_INFO)(value, &info))) return status;
    for (int i = 0; i < 3; i++) tensor->lengths[i] = 1;
    status = CALL(GetRank, GET_RANK)(info, &tensor->rank);
    if (!status && tensor->rank > 3) status = refuse(INVALID_ARGUMENT, "a tensor has more than three dimensions");
    if (!status) status = CALL(GetLengths, GET_LENGTHS)(info, tensor->lengths, tensor->rank);
    CALL(ReleaseShapeInfo, RELEASE_SHAPE_INFO)(info);
    return status;
}

static Status *read_tensors(Context *context, size_t count, Tensor tensors[]) {
    Status *status = NULL;
    for (size_t i = 0; !status && i < count; i++) status = read_tensor(context, i, tensors + i);
    return status;
}

static Status *make_output(Context *context, size_t index, int64_t rows, int64_t width, void **data) {
    Value *value;
    int64_t lengths[] = {rows, width};
    Status *status = CALL(MakeOutput, MAKE_OUTPUT)(context, index, lengths, 2, &value);
    return status ? status : CALL(GetData, GET_DATA)(value, data);
}

static int is_matrix(const Tensor *t) { return t->rank == 2 && t->lengths[1] > 0 && t->lengths[1] % MULTIPLE == 0; }

static int same_shape(const Tensor *a, const Tensor *b) {
    return a->rank == b->rank && a->lengths[0] == b->lengths[0] && a->lengths[1] == b->lengths[1];
}

static int is_row(const Tensor *t, int64_t width) { return t->rank == 1 && t->lengths[0] == width; }

static int64_t elements(const Tensor *t) { return t->lengths[0] * t->lengths[1] * t->lengths[2]; }

static Status *read_steps(const Tensor *scale, const Tensor *zero, Steps *steps) {
    if (elements(scale) != 1 || elements(zero) != 1) return refuse(INVALID_ARGUMENT, "scale and zero should be one number");
    steps->scale = *(const float *)scale->data;
    steps->zero = *(const uint8_t *)zero->data;
    return steps->scale > 0 ? NULL : refuse(INVALID_ARGUMENT, "scale should be above 0");
}

#define NOT_A_MATRIX "x should be (rows, width), its width a multiple of 16"

/* ---- GeluQuantize ---- */

enum { GELU_X, GELU_SCALE, GELU_ZERO, GELU_FIRST, GELU_INPUTS };

static Status *compute_gelu(void *kernel, Context *context) {
    Tensor t[GELU_INPUTS];
    Steps steps;
    void *quantised, *apart;
    Status *status;
    (void)kernel;
    if ((status = read_tensors(context, GELU_INPUTS, t))) return status;
    if ((status = read_steps(t + GELU_SCALE, t + GELU_ZERO, &steps))) return status;
    if (!is_matrix(t + GELU_X)) return refuse(INVALID_ARGUMENT, NOT_A_MATRIX);
    int64_t rows = t[GELU_X].lengths[0], width = t[GELU_X].lengths[1];
    int64_t first = elements(t + GELU_FIRST) == 1 ? *(const int64_t *)t[GELU_FIRST].data : -1;
    if (first < 0 || first > width) return refuse(INVALID_ARGUMENT, "first should be one channel, 0 to the width");
    if ((status = make_output(context, 0, rows, width, &quantised))) return status;
    if ((status = make_output(context, 1, rows, width - first, &apart))) return status;
    variant->gelu(t[GELU_X].data, (size_t)rows, (size_t)width, (size_t)first, steps, quantised, apart);
    return NULL;
}

/* ---- AddNormalizeQuantize ---- */

enum { NORM_X, NORM_RESIDUAL, NORM_GAIN, NORM_RESTORE, NORM_SCALE, NORM_ZERO, NORM_INPUTS };

typedef struct {
    float epsilon;
} Norm;

static Status *create_norm(const Operator *operator, Api given, const KernelInfo *info, void **made) {
    (void)operator, (void)given;
    Norm *norm = malloc(sizeof *norm);
    if (!norm) return refuse(FAIL, "no memory");
    Status *status = CALL(GetFloatAttribute, GET_FLOAT_ATTRIBUTE)(info, "epsilon", &norm->epsilon);
    if (status) free(norm);
    else *made = norm;
    return status;
}

static Status *compute_norm(void *kernel, Context *context) {
    const Norm *norm = kernel;
    Tensor t[NORM_INPUTS];
    Steps steps;
    void *quantised, *restored;
    Status *status;
    if ((status = read_tensors(context, NORM_INPUTS, t))) return status;
    if ((status = read_steps(t + NORM_SCALE, t + NORM_ZERO, &steps))) return status;
    if (!is_matrix(t + NORM_X)) return refuse(INVALID_ARGUMENT, NOT_A_MATRIX);
    int64_t rows = t[NORM_X].lengths[0], width = t[NORM_X].lengths[1];
    if (!same_shape(t + NORM_X, t + NORM_RESIDUAL)) return refuse(INVALID_ARGUMENT, "residual should be shaped as x");
    if (!is_row(t + NORM_GAIN, width) || !is_row(t + NORM_RESTORE, width))
        return refuse(INVALID_ARGUMENT, "gain and restore should be one row of x's width");
    if ((status = make_output(context, 0, rows, width, &quantised))) return status;
    if ((status = make_output(context, 1, rows, width, &restored))) return status;
    variant->normalise(t[NORM_X].data, t[NORM_RESIDUAL].data, (size_t)rows, (size_t)width, t[NORM_GAIN].data,
                       t[NORM_RESTORE].data, norm->epsilon, steps, quantised, restored);
    return NULL;
}

/* ---- AttentionQuantize ---- */

enum { ATT_PARTS, ATT_SHAPE, ATT_LENGTHS, ATT_SCALE, ATT_ZERO, ATT_INPUTS };

typedef struct {
    int64_t count;
    float factor;
} Heads;

static Status *create_attention(const Operator *operator, Api given, const KernelInfo *info, void **made) {
    (void)operator, (void)given;
    Heads *heads = malloc(sizeof *heads);
    if (!heads) return refuse(FAIL, "no memory");
    Status *status = CALL(GetIntegerAttribute, GET_INTEGER_ATTRIBUTE)(info, "heads", &heads->count);
    if (!status) status = CALL(GetFloatAttribute, GET_FLOAT_ATTRIBUTE)(info, "factor", &heads->factor);
    if (status) free(heads);
    else *made = heads;
    return status;
}

static Status *read_attention(const Heads *heads, const Tensor t[], Attention *a) {
    const int64_t *shape = t[ATT_SHAPE].data;
    if (!is_row(t + ATT_SHAPE, 3) || shape[0] < 0 || shape[1] < 0 || shape[2] < 1 || heads->count < 1 ||
        !(heads->factor > 0))
        return refuse(INVALID_ARGUMENT, "shape should be texts, tokens and width, heads 1 at least, factor above 0");
    int64_t texts = shape[0], tokens = shape[1], width = shape[2], head = width / heads->count, rows, columns;
    if (width % heads->count || (head != 32 && head != 64))
        return refuse(INVALID_ARGUMENT, "heads should be 32 or 64 channels wide");
    int overflows = __builtin_mul_overflow(texts, tokens, &rows) || __builtin_mul_overflow(3, width, &columns);
    const int64_t *found = t[ATT_PARTS].lengths;
    if (overflows || t[ATT_PARTS].rank != 2 || found[0] != rows || found[1] != columns)
        return refuse(INVALID_ARGUMENT, "parts should be (texts * tokens, 3 * width)");
    if (!is_row(t + ATT_LENGTHS, texts)) return refuse(INVALID_ARGUMENT, "lengths should be one number for each text");
    a->lengths = t[ATT_LENGTHS].data;
    for (int64_t text = 0; text < texts; text++)
        if (a->lengths[text] < 0 || a->lengths[text] > tokens)
            return refuse(INVALID_ARGUMENT, "a length should be 0 to the tokens of the batch");
    a->parts = t[ATT_PARTS].data;
    a->texts = (size_t)texts;
    a->tokens = (size_t)tokens;
    a->width = (size_t)width;
    a->head = (size_t)head;
    a->factor = heads->factor;
    return read_steps(t + ATT_SCALE, t + ATT_ZERO, &a->steps);
}

static Status *compute_attention(void *kernel, Context *context) {
    Tensor t[ATT_INPUTS];
    Attention a;
    void *quantised;
    Status *status;
    if ((status = read_tensors(context, ATT_INPUTS, t))) return status;
    if ((status = read_attention(kernel, t, &a))) return status;
    if ((status = make_output(context, 0, t[ATT_PARTS].lengths[0], (int64_t)a.width, &quantised))) return status;
    void *scratch = pool_take(scratch_bytes(a.tokens, a.head));
    if (!scratch) return refuse(FAIL, "no memory");
    variant->attend(&a, quantised, scratch);
    pool_give_back(scratch);
    return NULL;
}

/* ---- what ONNX Runtime is told of them ---- */

typedef struct {
    Operator operator; /* first: what ONNX Runtime hands back is a pointer to it */
    const char *name;
    size_t inputs, outputs;
    int kinds[9]; /* of the inputs, then of the outputs */
} Description;

static const Description *describe(const Operator *operator) { return (const Description *)operator; }
static const char *name_of(const Operator *operator) { return describe(operator)->name; }
static const char *provider_of(const Operator *operator) { (void)operator; return NULL; }
static size_t count_inputs(const Operator *operator) { return describe(operator)->inputs; }
static size_t count_outputs(const Operator *operator) { return describe(operator)->outputs; }
static int input_kind(const Operator *operator, size_t index) { return describe(operator)->kinds[index]; }
static int output_kind(const Operator *operator, size_t index) {
    return describe(operator)->kinds[describe(operator)->inputs + index];
}
static int usual(const Operator *operator, size_t index) { (void)operator, (void)index; return 0; }
static int none(const Operator *operator) { (void)operator; return 0; }
static Status *create_nothing(const Operator *operator, Api given, const KernelInfo *info, void **made) {
    (void)operator, (void)given, (void)info;
    *made = NULL;
    return NULL;
}

#define OPERATOR(create, compute)                                                                                     \
    {                                                                                                                 \
        .version = API_VERSION, .name = name_of, .provider = provider_of, .input_kind = input_kind,                   \
        .input_count = count_inputs, .output_kind = output_kind, .output_count = count_outputs, .destroy = free,      \
        .input_need = usual, .output_need = usual, .input_memory = usual, .variadic_inputs = none,                    \
        .variadic_inputs_alike = none, .variadic_outputs = none, .variadic_outputs_alike = none,                      \
        .create_or_fail = create, .compute_or_fail = compute,                                                         \
    }

static const Description DESCRIPTIONS[] = {
    {OPERATOR(create_nothing, compute_gelu), "GeluQuantize", GELU_INPUTS, 2, {FLOAT, FLOAT, UINT8, INT64, UINT8, FLOAT}},
    {OPERATOR(create_norm, compute_norm), "AddNormalizeQuantize", NORM_INPUTS, 2,
     {FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, UINT8, UINT8, FLOAT}},
    {OPERATOR(create_attention, compute_attention), "AttentionQuantize", ATT_INPUTS, 1,
     {FLOAT, INT64, INT64, FLOAT, UINT8, UINT8}},
};

/* ---- the memory of a session's tensors ---- */

static MemoryInfo *memory_info;
static int registered;

static void *take(Allocator *self, size_t bytes) { (void)self; return pool_take(bytes); }
static void give_back(Allocator *self, void *memory) { (void)self; pool_give_back(memory); }
static const MemoryInfo *tell_info(const Allocator *self) { (void)self; return memory_info; }

static Allocator allocator = {API_VERSION, take, give_back, tell_info};

/* Once in a process: sessions that want it say so in their options. */
static Status *register_allocator(void) {
    Environment *environment;
    Status *status;
    if (registered) return NULL;
    if (!memory_info &&
        (status = CALL(CreateCpuMemoryInfo, CREATE_CPU_MEMORY_INFO)(DEVICE_ALLOCATOR, USUAL_MEMORY, &memory_info)))
        return status;
    if ((status = CALL(CreateEnvironment, CREATE_ENVIRONMENT)(WARNING, "kernels", &environment))) return status;
    status = CALL(RegisterAllocator, REGISTER_ALLOCATOR)(environment, &allocator);
    CALL(ReleaseEnvironment, RELEASE_ENVIRONMENT)(environment);
    registered = !status;
    return status;
}

/* ---- the entry ---- */

/* The widest that runs here comes first. -DFIRST_VARIANT=1 leaves the first out, for tests. */
static const Variant *const VARIANTS[] = {&avx512_variant, &avx2_variant};
#ifndef FIRST_VARIANT
#define FIRST_VARIANT 0
#endif

/* The name of the instruction set that is used, or "" on a CPU for which there is none. */
EXPORTED const char *kernels_variant(void);
const char *kernels_variant(void) {
    for (size_t i = FIRST_VARIANT; i < sizeof VARIANTS / sizeof *VARIANTS; i++)
        if (VARIANTS[i]->runs_here()) return (variant = VARIANTS[i])->name;
    return "";
}

/* Called by ONNX Runtime, by this name. Without a variant for this CPU, or with an older interface, no operator is added, and
 * ONNX Runtime computes what the model says that they mean. A domain of 120 bytes stays for each call: sessions need it. */
EXPORTED Status *RegisterCustomOps(SessionOptions *options, const ApiBase *base);
Status *RegisterCustomOps(SessionOptions *options, const ApiBase *base) {
    Domain *domain;
    Status *status;
    if (!*kernels_variant()) return NULL;
    if (!(api = base->get_api(API_VERSION))) return NULL;
    if ((status = CALL(CreateDomain, CREATE_DOMAIN)("vectorspace", &domain))) return status;
    for (size_t i = 0; i < sizeof DESCRIPTIONS / sizeof *DESCRIPTIONS; i++)
        if ((status = CALL(AddOperator, ADD_OPERATOR)(domain, &DESCRIPTIONS[i].operator)))
            return status;
    if ((status = CALL(AddDomain, ADD_DOMAIN)(options, domain))) return status;
    if ((status = register_allocator())) return status;
    return CALL(AddConfiguration, ADD_CONFIGURATION)(options, "session.use_env_allocators", "1");
}
