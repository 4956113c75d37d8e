/* What a library of operators needs of ONNX Runtime's C interface, which no wheel carries as a header.
 *
 * The interface is a table of function pointers whose order is fixed for good: new ones go to its end. Numbered here are
 * the places of those that are called. Source: include/onnxruntime/core/session/onnxruntime_c_api.h of
 * https://github.com/microsoft/onnxruntime, version 16 of the interface, which 1.16 and all later releases serve.
 */
#ifndef ONNXRUNTIME_H
#define ONNXRUNTIME_H

#include <stddef.h>
#include <stdint.h>

enum { API_VERSION = 16 };

typedef struct Operator Operator;
typedef struct Allocator Allocator;

/* Opaque things of ONNX Runtime's. A status is NULL where all went well; whoever gets another one hands it on. */
typedef struct OrtStatus Status;
typedef struct OrtEnv Environment; /* one for the process: who creates it gets the same one, counted */
typedef struct OrtMemoryInfo MemoryInfo;
typedef struct OrtSessionOptions SessionOptions;
typedef struct OrtCustomOpDomain Domain;
typedef struct OrtKernelInfo KernelInfo;
typedef struct OrtKernelContext Context;
typedef struct OrtValue Value;
typedef struct OrtTensorTypeAndShapeInfo ShapeInfo;

typedef void (*Function)(void);
typedef const Function *Api;

typedef struct {
    Api (*get_api)(uint32_t version); /* NULL where this release does not serve that version */
    const char *(*get_version)(void);
} ApiBase;

enum {
    CREATE_STATUS = 0,
    CREATE_ENVIRONMENT = 3,
    CREATE_DOMAIN = 26,
    ADD_OPERATOR = 27,
    ADD_DOMAIN = 28,
    GET_DATA = 51,
    GET_RANK = 61,
    GET_LENGTHS = 62,
    GET_SHAPE_INFO = 65,
    CREATE_CPU_MEMORY_INFO = 69,
    GET_FLOAT_ATTRIBUTE = 85,
    GET_INTEGER_ATTRIBUTE = 86,
    GET_INPUT = 90,
    MAKE_OUTPUT = 91,
    RELEASE_ENVIRONMENT = 92,
    RELEASE_SHAPE_INFO = 99,
    ADD_CONFIGURATION = 130,
    REGISTER_ALLOCATOR = 176,
};

typedef Status *(*CreateStatus)(int code, const char *message);
typedef Status *(*CreateEnvironment)(int severity, const char *name, Environment **made);
typedef Status *(*CreateDomain)(const char *name, Domain **made);
typedef Status *(*AddOperator)(Domain *domain, const Operator *added);
typedef Status *(*AddDomain)(SessionOptions *options, Domain *added);
typedef Status *(*GetData)(const Value *value, void **found);
typedef Status *(*GetRank)(const ShapeInfo *info, size_t *found);
typedef Status *(*GetLengths)(const ShapeInfo *info, int64_t *found, size_t rank);
typedef Status *(*GetShapeInfo)(const Value *value, ShapeInfo **made);
typedef Status *(*CreateCpuMemoryInfo)(int allocator, int memory, MemoryInfo **made);
typedef Status *(*GetFloatAttribute)(const KernelInfo *info, const char *name, float *found);
typedef Status *(*GetIntegerAttribute)(const KernelInfo *info, const char *name, int64_t *found);
typedef Status *(*GetInput)(const Context *context, size_t index, const Value **found);
typedef Status *(*MakeOutput)(Context *context, size_t index, const int64_t *lengths, size_t rank, Value **made);
typedef void (*ReleaseEnvironment)(Environment *environment);
typedef void (*ReleaseShapeInfo)(ShapeInfo *info);
typedef Status *(*AddConfiguration)(SessionOptions *options, const char *name, const char *value);
typedef Status *(*RegisterAllocator)(Environment *environment, Allocator *allocator);

enum { FAIL = 1, INVALID_ARGUMENT = 2 };      /* codes of a status */
enum { FLOAT = 1, UINT8 = 2, INT64 = 7 };     /* kinds of a tensor's elements */

enum { WARNING = 2 };                         /* severity of what is logged */
enum { DEVICE_ALLOCATOR = 0, USUAL_MEMORY = 0 };

/* Memory for tensors: struct OrtAllocator up to version 17. */
struct Allocator {
    uint32_t version;
    void *(*take)(Allocator *, size_t bytes);
    void (*give_back)(Allocator *, void *memory);
    const MemoryInfo *(*info)(const Allocator *);
};

/* An operator as ONNX Runtime asks for it: struct OrtCustomOp up to version 16. */
struct Operator {
    uint32_t version;
    void *(*create)(const Operator *, Api, const KernelInfo *); /* unused: create_or_fail */
    const char *(*name)(const Operator *);
    const char *(*provider)(const Operator *); /* NULL: the CPU's */
    int (*input_kind)(const Operator *, size_t index);
    size_t (*input_count)(const Operator *);
    int (*output_kind)(const Operator *, size_t index);
    size_t (*output_count)(const Operator *);
    void (*compute)(void *kernel, Context *); /* unused: compute_or_fail */
    void (*destroy)(void *kernel);
    int (*input_need)(const Operator *, size_t index); /* 0: required */
    int (*output_need)(const Operator *, size_t index);
    int (*input_memory)(const Operator *, size_t index); /* 0: the usual */
    int (*variadic_inputs)(const Operator *);
    int (*variadic_inputs_alike)(const Operator *);
    int (*variadic_outputs)(const Operator *);
    int (*variadic_outputs_alike)(const Operator *);
    Status *(*create_or_fail)(const Operator *, Api, const KernelInfo *, void **made);
    Status *(*compute_or_fail)(void *kernel, Context *);
};

#endif
