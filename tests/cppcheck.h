/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The macros of foreign headers that cppcheck has to know, since it does not read those headers: loops of jansson, and
 * lists of libc. `make analyze` includes it in front of every file.
 */
#define json_array_foreach(array, index, value)                                                    \
	for ((index) = 0;                                                                          \
		(index) < json_array_size(array) && ((value) = json_array_get(array, index));      \
		(index)++)
#define json_object_foreach(object, key, value)                                                    \
	for ((key) = json_object_iter_key(json_object_iter(object));                               \
		(key) && ((value) = json_object_iter_value(json_object_key_to_iter(key)));         \
		(key) = json_object_iter_key(                                                      \
			json_object_iter_next(object, json_object_key_to_iter(key))))
#define json_object_foreach_safe(object, next, key, value)                                         \
	for ((key) = json_object_iter_key(json_object_iter(object)),                               \
	    (next) = json_object_iter_next(object, json_object_key_to_iter(key));                  \
		(key) && ((value) = json_object_iter_value(json_object_key_to_iter(key)));         \
		(key) = json_object_iter_key(next),                                                \
	    (next) = json_object_iter_next(object, json_object_key_to_iter(key)))
#define TAILQ_HEAD(name, type)                                                                     \
	struct name {                                                                              \
		struct type *first, **last;                                                        \
	}
#define TAILQ_ENTRY(type)                                                                          \
	struct {                                                                                   \
		struct type *next, **previous;                                                     \
	}
#define TAILQ_FOREACH(item, head, field)                                                           \
	for ((item) = (head)->first; (item); (item) = (item)->field.next)
#define LIST_HEAD(name, type)                                                                      \
	struct name {                                                                              \
		struct type *first;                                                                \
	}
#define LIST_ENTRY(type) TAILQ_ENTRY(type)
#define LIST_FOREACH(item, head, field) TAILQ_FOREACH (item, head, field)
#define SLIST_HEAD(name, type) LIST_HEAD(name, type)
#define SLIST_ENTRY(type) TAILQ_ENTRY(type)
#define SLIST_FOREACH(item, head, field) TAILQ_FOREACH (item, head, field)
